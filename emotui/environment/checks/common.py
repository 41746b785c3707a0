"""What checks say when they cannot look because something more basic is missing."""

from __future__ import annotations

from emotui.support.finding import Remedy
from emotui.support.language import message

NO_LMDEPLOY = message("There is no LMDeploy to ask.")
NO_GPU = message("No GPU can be used.")
LMDEPLOY_FIRST = Remedy(message("Choose or install an LMDeploy first, then check again."))
DRIVER_FIRST = Remedy(message("See to the driver first, then check again."))
