"""What LMDeploy is: installations, versions, options, commands, progress."""
