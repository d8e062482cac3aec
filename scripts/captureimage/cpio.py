# SPDX-License-Identifier: BSD-2-Clause
"""A writer of cpio archives in the "newc" format, as the kernel unpacks them
(Documentation/driver-api/early-userspace/buffer-format.rst).

Written here, not by cpio(1), because it then needs no privileges: owner and device
nodes are only numbers in a header. Sorted names, time 0, owner 0 and inode numbers by
position make the same bytes of the same content.
"""

import stat


class Archive:
    def __init__(self):
        self._entries = {}

    def directory(self, path):
        if path and path not in self._entries:
            self._parent(path)
            self._entries[path] = (stat.S_IFDIR | 0o755, b"", (0, 0))

    def file(self, path, data, executable=False):
        self._add(path, stat.S_IFREG | (0o755 if executable else 0o644), data)

    def symlink(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path, major, minor):
        self._add(path, stat.S_IFCHR | 0o600, b"", (major, minor))

    def names(self):
        return sorted(self._entries)

    def _add(self, path, mode, data, device=(0, 0)):
        if path in self._entries:
            raise ValueError(f"{path} is in the archive already")
        self._parent(path)
        self._entries[path] = (mode, data, device)

    def _parent(self, path):
        self.directory(path.rpartition("/")[0])

    def bytes(self):
        out = bytearray()
        for inode, path in enumerate(self.names(), start=1):
            mode, data, device = self._entries[path]
            _write(out, path, inode, mode, data, device)
        _write(out, "TRAILER!!!", 0, 0, b"", (0, 0))
        out += bytes(-len(out) % 512)
        return bytes(out)


def _write(out, path, inode, mode, data, device):
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, device[0], device[1], len(name), 0)
    out += b"070701" + b"".join(b"%08X" % field for field in fields) + name
    out += bytes(-len(out) % 4)
    out += data
    out += bytes(-len(out) % 4)
