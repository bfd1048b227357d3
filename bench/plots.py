"""Plots as SVG, without a library: ratios as bars, growth as lines over the number of files."""
import math
import statistics

WIDTH, ROW, LEFT = 900, 22, 380
COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf")


def text(x, y, words, anchor="start", size=12):
    words = str(words).replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="{size}" text-anchor="{anchor}">{words}</text>'


def save(path, height, parts):
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}">'
                    f'<rect width="100%" height="100%" fill="white"/>' + "\n".join(parts) + "</svg>\n")


def ratios(results, path):
    """How often better than the peer: rates as they are, times and sizes turned over. Logarithmic."""
    bars = []
    for name, cell in results.items():
        if not cell.get("alluxio"):
            continue
        what = next(iter(cell["spillway"][0]))
        ours, peers = (statistics.median([r[what] for r in cell[side] if what in r] or [0]) for side in ("spillway", "alluxio"))
        if ours > 0 and peers > 0:
            bars.append((f"{name}: {what}", ours / peers if what.endswith("/s") else peers / ours))
    if not bars:
        return
    top = max(2, max(b for _, b in bars))
    scale = (WIDTH - LEFT - 80) / math.log10(top * 2)
    parts = [text(LEFT, 18, "times better than Alluxio 2.9.4 in the same run (logarithmic)", size=13)]
    for i, (name, ratio) in enumerate(bars):
        y = 30 + i * ROW
        width = max(1.0, math.log10(max(ratio, 0.5) * 2) * scale)
        parts.append(text(LEFT - 8, y + 14, name, "end"))
        parts.append(f'<rect x="{LEFT}" y="{y + 2}" width="{width:.1f}" height="{ROW - 6}" fill="{COLORS[0 if ratio >= 1 else 1]}"/>')
        parts.append(text(LEFT + width + 5, y + 14, f"{ratio:.3g}"))
    one = LEFT + math.log10(2) * scale
    parts.append(f'<line x1="{one:.1f}" y1="26" x2="{one:.1f}" y2="{30 + len(bars) * ROW}" stroke="#555" stroke-dasharray="4"/>')
    save(path, 40 + len(bars) * ROW, parts)


def growth(points, path):
    """Every figure relative to its value at the smallest size: flat is good."""
    left, top, height = 60, 40, 360
    names = [k for k in points[0] if k not in ("files", "listed", "flat entries") and all(p[k] > 0 for p in points)]
    xs = [math.log10(p["files"]) for p in points]
    logs = {k: [math.log10(p[k] / points[0][k]) for p in points] for k in names}
    low, high = min(-1.0, *(min(v) for v in logs.values())), max(1.0, *(max(v) for v in logs.values()))

    def at(x, y):
        return (left + (x - xs[0]) / max(1e-9, xs[-1] - xs[0]) * 560, top + (high - y) / (high - low) * height)
    parts = [text(left, 20, "against the value at the smallest size, over the number of files (both logarithmic)", size=13)]
    for power in range(math.ceil(low), math.floor(high) + 1):
        y = at(xs[0], power)[1]
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + 560}" y2="{y:.1f}" stroke="#ddd"/>' + text(left - 6, y + 4, f"{10.0 ** power:g}", "end"))
    parts += [text(at(x, low)[0], top + height + 18, f"{p['files']:,}", "middle") for x, p in zip(xs, points)]
    for i, name in enumerate(names):
        line = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in zip(xs, logs[name]))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLORS[i % len(COLORS)]}" stroke-width="2"/>')
        parts.append(f'<rect x="640" y="{top + i * ROW}" width="12" height="12" fill="{COLORS[i % len(COLORS)]}"/>'
                     + text(658, top + 11 + i * ROW, f"{name}: {points[0][name]:.3g} to {points[-1][name]:.3g}"))
    save(path, top + height + 40, parts)
