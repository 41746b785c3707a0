"""What a pickle describes, without building it.

Python's unpickler imports what a pickle names and calls it. This one is a small stack machine
over `pickletools.genops`: a name becomes a `Global`, a call becomes a `Call`, and neither is
ever looked up. Mappings are kept as lists of pairs, so that nothing is hashed or compared.
Time and memory grow with the length of the pickle and no faster.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

OPERATION_LIMIT = 2_000_000
_ORDERED = "collections.OrderedDict"


class PickleError(ValueError):
    """The bytes are no pickle that this machine understands."""


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """A name that the unpickler would have imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


# No repr and no equality: both would walk what a hostile pickle nests without end.
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Call:
    """A call that the unpickler would have made."""

    function: object
    arguments: tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Persistent:
    """A reference to something outside of the pickle."""

    id: object


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Pairs:
    """A mapping: its keys and values in the order they were set."""

    items: list[tuple[object, object]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Described:
    """What a pickle holds."""

    value: object
    globals: tuple[Global, ...]
    """Every name that it mentions."""


def describe(data: bytes) -> Described:
    """Return what the pickle in `data` would make; raises `PickleError`."""
    machine = _Machine()
    try:
        for done, (operation, argument, _position) in enumerate(pickletools.genops(data)):
            if done > OPERATION_LIMIT:
                raise PickleError("too many operations")
            if operation.name == "STOP":
                return Described(machine.pop(), tuple(machine.globals))
            machine.step(operation.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, AttributeError) as error:
        raise PickleError(str(error)) from error
    raise PickleError("no end")


class _Machine:
    """The stack, the memo and the names seen; a mark opens a new stack."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memo: dict[int, object] = {}
        self.globals: list[Global] = []

    def pop(self) -> object:
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        """Return what was pushed since the last mark."""
        items = self.stack
        self.stack = self.marked.pop()
        return items

    def remember(self) -> None:
        """Put the top of the stack under the next free number."""
        self.memo[len(self.memo)] = self.stack[-1]

    def step(self, operation: str, argument: Any) -> None:
        if operation in _IGNORED:
            return
        if operation in _CONSTANTS:
            self.stack.append(_CONSTANTS[operation])
        elif operation in _LITERALS:
            self.stack.append(argument)
        elif operation in _MEMO_READS:
            self.stack.append(self.memo[int(argument)])
        elif operation in _MEMO_WRITES:
            self.memo[int(argument)] = self.stack[-1]
        else:
            _STEPS[operation](self, argument)

    def add_global(self, module: object, name: object) -> None:
        """Push a name that would have been imported."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise PickleError("a name is no text")
        found = Global(module, name)
        self.globals.append(found)
        self.stack.append(found)

    def call(self, arguments: object) -> None:
        """Replace the function on the stack by a call of it."""
        function = self.pop()
        given = tuple(arguments) if isinstance(arguments, (tuple, list)) else (arguments,)
        if isinstance(function, Global) and str(function) == _ORDERED and not given:
            self.stack.append(Pairs())  # its items follow, as those of a plain mapping do
        else:
            self.stack.append(Call(function, given))

    def set_items(self, items: list[Any]) -> None:
        """Give keys and values to the mapping on the stack; other things lose them."""
        target = self.stack[-1]
        if isinstance(target, Pairs):
            target.items.extend(zip(items[::2], items[1::2], strict=True))

    def extend(self, items: list[Any]) -> None:
        """Give items to the list on the stack; other things (a set, a call) lose them."""
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items)


def _push(make: Callable[[_Machine], object]) -> Callable[[_Machine, Any], None]:
    def step(machine: _Machine, _argument: Any) -> None:
        made = make(machine)  # first, since it may change which stack is the top one
        machine.stack.append(made)

    return step


def _tuple_of(length: int) -> Callable[[_Machine], object]:
    def make(machine: _Machine) -> object:
        items = machine.stack[-length:]
        if len(items) < length:
            raise PickleError("the stack is empty")
        del machine.stack[-length:]
        return tuple(items)

    return make


def _pairs(machine: _Machine) -> Pairs:
    items = machine.pop_mark()
    return Pairs(list(zip(items[::2], items[1::2], strict=True)))


def _mark(machine: _Machine, _argument: Any) -> None:
    machine.marked.append(machine.stack)
    machine.stack = []


def _pop(machine: _Machine, _argument: Any) -> None:
    if machine.stack:
        machine.pop()
    else:
        machine.pop_mark()


def _pop_mark(machine: _Machine, _argument: Any) -> None:
    machine.pop_mark()


def _global(machine: _Machine, argument: Any) -> None:
    module, name = str(argument).split(" ", 1)
    machine.add_global(module, name)


def _stack_global(machine: _Machine, _argument: Any) -> None:
    name, module = machine.pop(), machine.pop()
    machine.add_global(module, name)


def _inst(machine: _Machine, argument: Any) -> None:
    arguments = machine.pop_mark()
    _global(machine, argument)
    machine.call(arguments)


def _obj(machine: _Machine, _argument: Any) -> None:
    function, *arguments = machine.pop_mark()
    machine.stack.append(function)
    machine.call(arguments)


def _new_with_keywords(machine: _Machine, _argument: Any) -> None:
    machine.pop()
    machine.call(machine.pop())


def _set_item(machine: _Machine, _argument: Any) -> None:
    value, key = machine.pop(), machine.pop()
    machine.set_items([key, value])


_IGNORED = frozenset({"PROTO", "FRAME"})
_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
# fmt: off
_LITERALS = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "BYTEARRAY8", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
})
# fmt: on
_MEMO_READS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_MEMO_WRITES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": _pop_mark,
    "DUP": _push(lambda machine: machine.stack[-1]),
    "MEMOIZE": lambda machine, _argument: machine.remember(),
    "EMPTY_LIST": _push(lambda _machine: []),
    "EMPTY_TUPLE": _push(lambda _machine: ()),
    "EMPTY_DICT": _push(lambda _machine: Pairs()),
    "EMPTY_SET": _push(lambda _machine: []),
    "LIST": _push(lambda machine: machine.pop_mark()),
    "FROZENSET": _push(lambda machine: machine.pop_mark()),
    "TUPLE": _push(lambda machine: tuple(machine.pop_mark())),
    "TUPLE1": _push(_tuple_of(1)),
    "TUPLE2": _push(_tuple_of(2)),
    "TUPLE3": _push(_tuple_of(3)),
    "DICT": _push(_pairs),
    "APPEND": lambda machine, _argument: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _argument: machine.extend(machine.pop_mark()),
    "ADDITEMS": lambda machine, _argument: machine.extend(machine.pop_mark()),
    "SETITEM": _set_item,
    "SETITEMS": lambda machine, _argument: machine.set_items(machine.pop_mark()),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "INST": _inst,
    "OBJ": _obj,
    "NEWOBJ": lambda machine, _argument: machine.call(machine.pop()),
    "NEWOBJ_EX": _new_with_keywords,
    "REDUCE": lambda machine, _argument: machine.call(machine.pop()),
    "BUILD": _pop,
    "PERSID": lambda machine, argument: machine.stack.append(Persistent(argument)),
    "BINPERSID": _push(lambda machine: Persistent(machine.pop())),
}
