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


# What each side is called in the key.
_KEY = {
    "firmware": "firmware, Lifeboat's loader", "first": "first kernel", "panic": "panic", "purgatory": "purgatory",
    "second": "second kernel",
}  # fmt: skip
_ROW, _TOP, _LEFT, _ROOM, _RIGHT = 22, 30, 170, 620, 80
_WIDTH = _LEFT + _ROOM + _RIGHT
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def _panel(rows: list[Bar], begin: float, end: float, y: int, title: str) -> list[str]:
    """The bars between `begin` and `end`; ticks count from `begin`."""
    scale = _ROOM / max(end - begin, 0.001)
    bottom = y + _TOP + _ROW * len(rows)
    out = [f'<text x="12" y="{y + 14}" font-weight="bold" fill="#1f2933">{escape(title)}</text>']
    step = next((s for s in _STEPS if (end - begin) / s <= 12), 200)
    for tick in range(int((end - begin) / step + 1e-6) + 1):
        x = _LEFT + tick * step * scale
        out.append(f'<line x1="{x:.1f}" y1="{y + _TOP - 6}" x2="{x:.1f}" y2="{bottom}" stroke="#dde3ea"/>')
        out.append(
            f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" fill="#5b6773">{tick * step:.6g} s</text>'
        )
    for index, bar in enumerate(rows):
        top = y + _TOP + index * _ROW
        x, length = _LEFT + (bar.begin - begin) * scale, max(1.5, (bar.end - bar.begin) * scale)
        out.append(f'<text x="{_LEFT - 10}" y="{top + 14}" text-anchor="end" fill="#1f2933">{escape(bar.name)}</text>')
        out.append(
            f'<rect x="{x:.1f}" y="{top + 2}" width="{length:.1f}" height="{_ROW - 6}" rx="2"'
            f' fill="{_COLOURS[bar.side]}"/>'
        )
        out.append(f'<text x="{x + length + 5:.1f}" y="{top + 14}" fill="#5b6773">{bar.end - bar.begin:.2f} s</text>')
    return out


def _key(sides: list[str], y: int) -> list[str]:
    out, x = [], _LEFT
    for side in sides:
        out.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" rx="2" fill="{_COLOURS[side]}"/>')
        out.append(f'<text x="{x + 18}" y="{y}" fill="#1f2933">{escape(_KEY[side])}</text>')
        x += 34 + 7 * len(_KEY[side])
    return out


def svg(stages: dict[str, float], end: float, title: str) -> str:
    """The same as a drawing on a ground of its own. A second panel begins at the panic, where what matters is
    too short for the first one's scale."""
    rows = bars(stages, end)
    panels = [(rows, 0.0, "from power-on")]
    panic = stages.get("panic")
    if panic is not None and 0 < panic < end:
        panels.append(([bar for bar in rows if bar.begin >= panic], panic, "from the panic"))
    body: list[str] = []
    y = 64
    for some, begin, name in panels:
        body += _panel(some, begin, end, y, name)
        y += _TOP + _ROW * len(some) + 40
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" viewBox="0 0 {_WIDTH} {y}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{y}" fill="#ffffff"/>',
        f'<text x="12" y="24" font-size="15" fill="#1f2933">{escape(title)}</text>',
        *_key([side for side in _COLOURS if any(bar.side == side for bar in rows)], 46),
        *body, "</svg>", "",
    ])  # fmt: skip
