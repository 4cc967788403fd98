"""table.py RESULTS.jsonl: the measurements of scripts/bench_peers.sh as Markdown."""
import json
import sys

# work, our row, the peer's row, which of its runs, the least ratio wanted
ROWS = [
    ("merge of 5 photos, `robust`, u8 in and out", "robust-5", "mertens-5", "peer", 4),
    ("merge of 5 photos, `mertens`, u8 in and out", "mertens-5", "mertens-5", "peer", 4),
    ("SSIM RGB", "ssim", "ssim-opencv", "peer", 4),
    ("SSIM RGB", "ssim", "ssim-skimage", "peer", 40),
    ("ΔE00 mean, p95, max", "deltae", "deltae", "peer", 25),
    ("histogram matching u8", "match-u8", "match-u8", "peer", 6),
    ("histogram matching u16", "match-u16", "match-u16", "peer", 6),
    ("alignment of 5 photos, shifts", "align-shift", "align-shift", "peer", 2),
    ("alignment of 5 photos, 0.3° homographies", "align-shake", "align-shake", "peer", 2),
    ("feathered blend of 96 tiles 768², f32", "feather", "feather", "peer", 3),
    ("`listing`, 5 JPEGs to finished files, against the merge alone as shipped", "listing", "mertens-5", "shipped", 1),
]


def short(info):
    def text(v):
        return f"{v:.4g}" if isinstance(v, float) else str(v)
    return ", ".join(f"{k.replace('_', ' ')} {text(v)}" for k, v in (info or {}).items() if not isinstance(v, list))


def main():
    with open(sys.argv[1]) as f:
        found = {(m["row"], m["side"]): m for m in map(json.loads, f)}

    def clock(m):
        return f"{m['min_s']:.3g} / {m['median_s']:.3g}"

    print("| work | peer | peer, s (min / median) | here, s (min / median) | CPU s: peer, here | ratio of minima | wanted | extra memory, MB: peer, here | peer says | here |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for work, ours, peers, side, wanted in ROWS:
        m, p = found.get((ours, "ours")), found.get((peers, side))
        if not m or not p:
            print(f"| {work} | not measured |")
            continue
        ratio = p["min_s"] / m["min_s"]
        told = short(m.get("info")) if ours != "listing" else ""
        print(f"| {work} | {p['name']} | {clock(p)} | {clock(m)} | {p['cpu_s']:.3g}, {m['cpu_s']:.3g} | {ratio:.1f}{'' if ratio >= wanted else ' **missed**'} | {wanted} "
              f"| {p['extra_mb']:.0f}, {m['extra_mb']:.0f} | {short(p.get('info'))} | {told} |")
    print("\n| merge, by photos | 2 | 5 | 9 |\n|---|---|---|---|")
    for name, row, side in [("`robust`", "robust", "ours"), ("`mertens`", "mertens", "ours"), ("cv2 MergeMertens as shipped", "mertens", "shipped")]:
        cells = []
        for n in (2, 5, 9):
            m = found.get((f"{row}-{n}", side))
            cells.append(f"{m['min_s']:.3g} s, {m['extra_mb']:.0f} MB" + (f" ({m['pool_mb']:.0f} from the pool)" if m.get("pool_mb") else "") if m else "")
        print(f"| {name} | " + " | ".join(cells) + " |")
    m = found.get(("listing", "ours"))
    if m:
        i = m["info"]
        print("\n| `listing`, quickest run | s |\n|---|---|")
        for k, v in i["times"].items():
            if isinstance(v, float):
                print(f"| {k} | {v:.2f} |")
        for s in i["stages"]:
            print(f"| stage {s['name']} | {s['seconds']:.2f} |")
        print(f"| the set, with encoding and writing | {i['set_seconds']:.2f} |")
        print(f"\n`listing`: verdict {i['verdict']}, peak resident {m['extra_mb']:.0f} MB, {m['cpu_s']:.1f} CPU s.")


main()
