# SPDX-License-Identifier: BSD-2-Clause
"""A run as a picture: one bar a stage, from when it was reached to the next one."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

# Which side of the panic a stage belongs to decides its colour.
_COLOURS = {"firmware": "#8c96a3", "first": "#3b82c4", "panic": "#d1495b", "purgatory": "#e08e1b", "second": "#3c9d6b"}


@dataclass(frozen=True)
class Bar:
    name: str
    begin: float
    end: float
    side: str  # key of _COLOURS


def _side(name: str) -> str:
    if name in ("firmware", "loader", "armed"):
        return "firmware"
    if name in ("first_kernel", "up"):
        return "first"
    if name.startswith("purgatory"):
        return "purgatory"
    return "panic" if name == "panic" else "second"


def bars(stages: dict[str, float], end: float) -> list[Bar]:
    """`stages` in any order; the last bar ends at `end`."""
    ordered = sorted(stages.items(), key=lambda item: item[1])
    ends = [begin for _, begin in ordered[1:]] + [end]
    return [Bar(name, begin, max(begin, until), _side(name)) for (name, begin), until in zip(ordered, ends)]


def text(stages: dict[str, float], end: float, width: int = 100, block: str = "#") -> str:
    """A chart for a terminal: start, name, bar, duration."""
    rows = bars(stages, end)
    if not rows:
        return "no stage was reached"
    room = max(20, width - 40)
    scale = room / max(end, 0.001)
    lines = []
    for bar in rows:
        left = int(bar.begin * scale)
        length = max(1, round((bar.end - bar.begin) * scale))
        drawing = " " * min(left, room - 1) + block * min(length, room - min(left, room - 1))
        lines.append(f"{bar.begin:7.2f} s  {bar.name:<19} {drawing:<{room}} {bar.end - bar.begin:6.2f} s".rstrip())
    return "\n".join(lines)


def svg(stages: dict[str, float], end: float, title: str) -> str:
    """The same as a drawing of its own, readable on light and dark ground."""
    rows = bars(stages, end)
    row, top, left, room, right = 22, 44, 170, 620, 80
    height = top + row * len(rows) + 34
    width = left + room + right
    scale = room / max(end, 0.001)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="24" font-size="15" fill="#1f2933">{escape(title)}</text>',
    ]
    step = next((s for s in (0.5, 1, 2, 5, 10, 20, 50, 100) if end / s <= 12), 200)
    bottom = top + row * len(rows)
    tick = 0.0
    while tick <= end:
        x = left + tick * scale
        out.append(f'<line x1="{x:.1f}" y1="{top - 6}" x2="{x:.1f}" y2="{bottom}" stroke="#dde3ea"/>')
        out.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" fill="#5b6773">{tick:g} s</text>')
        tick += step
    for index, bar in enumerate(rows):
        y = top + index * row
        x, length = left + bar.begin * scale, max(1.5, (bar.end - bar.begin) * scale)
        out.append(f'<text x="{left - 10}" y="{y + 14}" text-anchor="end" fill="#1f2933">{escape(bar.name)}</text>')
        out.append(
            f'<rect x="{x:.1f}" y="{y + 2}" width="{length:.1f}" height="{row - 6}" rx="2"'
            f' fill="{_COLOURS[bar.side]}"/>'
        )
        out.append(f'<text x="{x + length + 5:.1f}" y="{y + 14}" fill="#5b6773">{bar.end - bar.begin:.2f} s</text>')
    return "\n".join(out + ["</svg>", ""])
