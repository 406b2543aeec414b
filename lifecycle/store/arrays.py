"""PostgreSQL arrays as the server reads them: one column of a batch, packed in binary.

The driver writes a list of texts as an array literal, escaping every quotation mark by regular expression;
for JSON that was two thirds of the time of a commit. This packs the same values in the binary format of
array parameters. Called by bulk.py alone.

An array: dimensions (1), whether it has NULLs, the type of its elements, their number, the first index (1);
then each element as its length in bytes (-1 for NULL) and the bytes. All numbers are big-endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any

from psycopg import adapters, pq
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.postgres import types
from sqlalchemy import LargeBinary, Text
from sqlalchemy.types import TypeEngine

_HEADER = Struct("!iiIii")
_LENGTH = Struct("!i")
_NUMBER = Struct("!iq")
_NULL = _LENGTH.pack(-1)
_ELEMENTS = {name: types[name].oid for name in ("text", "int8", "bytea")}


class _Packed(bytes):
    """An array that is packed already; the subclass says of what."""


class _Texts(_Packed):
    pass


class _Numbers(_Packed):
    pass


class _Bytes(_Packed):
    pass


class _PackedDumper(Dumper):
    """Hands the bytes to the server as they are."""

    format = pq.Format.BINARY

    def dump(self, obj: _Packed) -> Buffer:
        return obj


def _register(kind: type[_Packed], element: str) -> None:
    dumper = type(f"{kind.__name__}Dumper", (_PackedDumper,), {"oid": types[element].array_oid})
    adapters.register_dumper(kind, dumper)


_register(_Texts, "text")
_register(_Numbers, "int8")
_register(_Bytes, "bytea")


def packed(element: TypeEngine[Any], values: Sequence[Any]) -> _Packed:
    """Pack the values of one column, str, bytes or int by its type, None among them.

    Whole numbers of every size are sent as BIGINT; the server makes them smaller where a column is.
    """
    if isinstance(element, LargeBinary):
        return _pack_bytes(values)
    return _pack_texts(values) if isinstance(element, Text) else _pack_numbers(values)


def _pack_texts(values: Sequence[str | None]) -> _Texts:
    return _Texts(_pack("text", [None if value is None else value.encode() for value in values]))


def _pack_bytes(values: Sequence[bytes | None]) -> _Bytes:
    return _Bytes(_pack("bytea", values))


def _pack(element: str, values: Sequence[bytes | None]) -> bytes:
    parts = [b""] * (2 * len(values))
    present = [b"" if value is None else value for value in values]
    parts[::2] = map(_LENGTH.pack, map(len, present))
    parts[1::2] = present
    for index, value in enumerate(values):
        if value is None:
            parts[2 * index] = _NULL
    return _header(element, values) + b"".join(parts)


def _pack_numbers(values: Sequence[int | None]) -> _Numbers:
    number = _NUMBER.pack
    elements = [_NULL if value is None else number(8, value) for value in values]
    return _Numbers(b"".join([_header("int8", values), *elements]))


def _header(element: str, values: Sequence[object]) -> bytes:
    return _HEADER.pack(1, None in values, _ELEMENTS[element], len(values), 1)
