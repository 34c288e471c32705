#!/usr/bin/env python3
"""Reads a tablespace without the engine: verifies every page, prints every row.

usage: ibdread.py FILE

A row is printed as: key in hexadecimal, length of the value, zlib's CRC-32 of the value.
Python's standard library only.
"""
import struct
import sys
import zlib

PAGE = 16384
NONE = 0xFFFFFFFF
INFIMUM, SUPREMUM = 99, 112
TYPES = {0: "allocated", 3: "inode", 5: "bitmap", 8: "header", 9: "descriptors", 10: "blob", 17855: "index"}

TABLE = []
for number in range(256):
    for _ in range(8):
        number = number >> 1 ^ 0x82F63B78 if number & 1 else number >> 1
    TABLE.append(number)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def u16(data, at):
    return struct.unpack_from(">H", data, at)[0]


def u32(data, at):
    return struct.unpack_from(">I", data, at)[0]


class Tablespace:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.faults = []
        if len(self.data) % PAGE:
            self.faults.append("the file is not a whole number of pages")
        self.space = u32(self.data, 34)
        self.size = u32(self.data, 46)
        if u32(self.data, 54) != 0x21:
            self.faults.append("flags are 0x%x, not 0x21" % u32(self.data, 54))
        for number in range(len(self.data) // PAGE):
            self.verify(number)

    def page(self, number):
        return self.data[number * PAGE:(number + 1) * PAGE]

    def verify(self, number):
        page = self.page(number)
        if not any(page):
            return
        checksum = crc32c(page[4:26]) ^ crc32c(page[38:PAGE - 8])
        faults = []
        if u32(page, 0) != checksum or u32(page, PAGE - 8) != checksum:
            faults.append("checksum")
        if u32(page, 4) != number:
            faults.append("page number %d" % u32(page, 4))
        if u32(page, 34) != self.space:
            faults.append("space %d" % u32(page, 34))
        if page[20:24] != page[PAGE - 4:]:
            faults.append("LSN at head and tail")
        if u16(page, 24) not in TYPES:
            faults.append("type %d" % u16(page, 24))
        if faults:
            self.faults.append("page %d: %s" % (number, ", ".join(faults)))

    def lengths(self, page, origin, isLeaf):
        """The length of the key, of the value, and whether the value is outside."""
        at = origin - 6
        key = page[at]
        at -= 1
        if key & 0x80:
            key = (key & 0x3F) << 8 | page[at]
            at -= 1
        if not isLeaf:
            return key, 0, False
        value = page[at]
        outside = False
        if value & 0x80:
            outside = bool(value & 0x40)
            value = (value & 0x3F) << 8 | page[at - 1]
        return key, value, outside

    def records(self, page):
        origin = INFIMUM
        for _ in range(PAGE // 6):
            origin = (origin + struct.unpack_from(">h", page, origin - 2)[0]) & 0xFFFF
            if origin == SUPREMUM:
                return
            yield origin
        self.faults.append("page %d: the records are a ring" % u32(page, 4))

    def chain(self, reference):
        space, number, _, length = struct.unpack(">IIIQ", reference)
        value = bytearray()
        while number != NONE and len(value) < length:
            page = self.page(number)
            part, after = struct.unpack_from(">II", page, 38)
            value += page[46:46 + part]
            number = after
        if len(value) != length or space != self.space:
            self.faults.append("a value of %d bytes has %d" % (length, len(value)))
        return bytes(value)

    def rows(self):
        number = 3
        while u16(self.page(number), 64):
            page = self.page(number)
            first = next(self.records(page))
            key, _, _ = self.lengths(page, first, False)
            number = u32(page, first + key)
        before = None
        left = NONE
        while number != NONE:
            page = self.page(number)
            if u32(page, 8) != left:
                self.faults.append("page %d: left sibling" % number)
            for origin in self.records(page):
                size, length, outside = self.lengths(page, origin, True)
                if page[origin - 5] & 0x20:
                    continue
                key = page[origin:origin + size]
                if before is not None and key <= before:
                    self.faults.append("page %d: order" % number)
                before = key
                start = origin + size + 13
                value = page[start:start + length]
                yield key, self.chain(value) if outside else value
            left, number = number, u32(page, 12)


def main():
    space = Tablespace(sys.argv[1])
    for key, value in space.rows():
        print(key.hex(), len(value), zlib.crc32(value))
    for fault in space.faults:
        print(fault, file=sys.stderr)
    return 1 if space.faults else 0


if __name__ == "__main__":
    sys.exit(main())
