"""The charts of docs/paper.md that are made of measured figures: what the peak of each job is made
of, and the size and length of its outlier. Drawn in the colours of memtrace-analyze --plots."""
import math

PARTS = {"input": "#f2c14e", "parameter": "#4878a8", "gradient and optimizer": "#e8894a",
         "intermediate": "#6aa84f", "other": "#a8a8a8"}
ROW, LEFT, WIDE, TOP = 22, 200, 640, 84
LARGE = 'font-size="17" font-weight="bold"'


def text(x, y, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}"{" " + more if more else ""}>{words}</text>'


def rect(x, y, width, height, colour):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" ' \
           f'fill="{colour}"/>'


def line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def page(height, title, subtitle, body):
    width = LEFT + WIDE + 150
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="DejaVu Sans,Verdana,sans-serif" '
        'font-size="12" fill="#222">', '<rect width="100%" height="100%" fill="#fff"/>',
        text(16, 26, title, LARGE), text(16, 45, subtitle, 'fill="#555"'), *body, "</svg>", ""])


def legend(y):
    x = LEFT
    for part, colour in PARTS.items():
        yield rect(x, y, 12, 12, colour)
        yield text(x + 17, y + 10, part)
        x += 40 + 8 * len(part)


def bars(found):
    for i, (job, facts) in enumerate(found):
        y, x = TOP + i * ROW, LEFT
        whole = facts["breakdown"]["all"]
        yield text(LEFT - 8, y + 12, job, 'text-anchor="end"')
        for part, colour in PARTS.items():
            width = WIDE * facts["breakdown"][part] / whole if whole else 0
            yield rect(x, y, width, ROW - 6, colour)
            x += width
        yield text(LEFT + WIDE + 8, y + 12, f"{whole / (1 << 20):,.0f} MiB")


def breakdown(found):
    bottom = TOP + len(found) * ROW
    return page(bottom + 44, "What the peak is made of",
                "shares of what is allocated then, by what the paper splits memory into; "
                "a name ends in the batch", [*bars(found), *legend(bottom + 14)])


def place(value):
    """On an axis from 1 to 10,000, from 0 to 1."""
    return min(max(math.log10(max(value, 1)) / 4, 0), 1)


def outlier_points(found, bottom):
    sizes = [facts["outlier"]["size_bytes"] / (1 << 20) for _, facts in found]
    gaps = [facts["outlier"]["gap_ns"] / 1e6 for _, facts in found]
    for n in range(5):  # 1, 10, ..., 10,000 ms and MiB
        x, y = LEFT + WIDE * n / 4, bottom - (bottom - TOP) * n / 4
        yield line(x, TOP, x, bottom, "#e4e4e4")
        yield text(x, bottom + 18, f"{10 ** n:,} ms", 'text-anchor="middle"')
        yield line(LEFT, y, LEFT + WIDE, y, "#e4e4e4")
        yield text(LEFT - 8, y + 4, f"{10 ** n:,} MiB", 'text-anchor="end"')
    points = [*zip(gaps, sizes, ["#4878a8"] * len(gaps)), (840, 1200, "#b00020")]
    for gap, size, colour in points:
        x, y = LEFT + WIDE * place(gap), bottom - (bottom - TOP) * place(size)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}" fill-opacity="0.7"/>'


def outliers(found):
    bottom = TOP + 300
    return page(bottom + 72, "Outliers: large blocks that idle for long",
                "of each job the interval with the most bytes times time",
                [*outlier_points([one for one in found if one[1]["outlier"]], bottom),
                 rect(LEFT, bottom + 40, 12, 12, "#4878a8"), text(LEFT + 17, bottom + 50, "ours"),
                 rect(LEFT + 80, bottom + 40, 12, 12, "#b00020"),
                 text(LEFT + 97, bottom + 50, "the paper's perceptron")])


CHARTS = {"breakdown.svg": breakdown, "outliers.svg": outliers}
