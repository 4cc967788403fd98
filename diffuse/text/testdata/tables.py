"""The tables that diffuse/text embeds: merges.bin, the vocabulary of CLIP, and unicode.txt, the classes of characters that its tokenizer splits by.

python3 -m venv env && env/bin/pip install transformers==5.24.0 tokenizers==0.23.3 && env/bin/pip install --no-deps open_clip_torch==3.3.0
env/bin/python diffuse/text/testdata/tables.py   # rewrites merges.bin and unicode.txt in diffuse/text

merges.bin: merge i makes token 512+i of the two tokens whose numbers it holds, as little-endian uint16 pairs. Tokens 0..255 are bytes in the order
of byte_order, 256..511 the same at the end of a word; what follows the merges are the marks of begin and end.

unicode.txt holds what the library of transformers' tokenizer does, asked character by character, because it and Go have tables of different
Unicode versions (tokenizers 0.23.3: letters and numbers 16.0, small letters 17.0, composition 9.0), and Go's change with Go:
  L first last             letters              N first last   numbers
  l first last step delta  small letter = character + delta
  c first last class       combining classes above 0
  d char one [two]         canonical decomposition, one step; of two that compose again
  x char one two           canonical decomposition that does not compose again
"""
import gzip, importlib.util, os, struct, unicodedata

here = os.path.dirname(os.path.abspath(__file__))


def byte_order():
    """Bytes in the vocabulary's order: the printable ones of Latin-1 first."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return printable + [b for b in range(256) if b not in printable]


def vocabulary():
    """All 49408 tokens in order, as vocab.json spells them, and the 48894 merges."""
    order = byte_order()
    printable, extra, spelt = set(order[:188]), 0, []
    for b in order:
        spelt.append(chr(b) if b in printable else chr(256 + extra))
        extra += b not in printable
    package = importlib.util.find_spec("open_clip").submodule_search_locations[0]  # found, not imported: that would take torch
    with gzip.open(os.path.join(package, "bpe_simple_vocab_16e6.txt.gz"), "rt", encoding="utf-8") as f:
        merges = [tuple(line.split()) for line in f.read().split("\n")[1:48895]]
    tokens = spelt + [s + "</w>" for s in spelt] + [a + b for a, b in merges] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(merges) == 48894 and len(tokens) == len(set(tokens)) == 49408 and all(len(m) == 2 for m in merges)
    return tokens, merges


def characters():
    return (chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)


def ranges(members):
    out = []
    for c in members:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def steps(mapping):
    """Runs of (first, last, step, delta) with equal delta."""
    out = []
    for c, d in sorted(mapping.items()):
        if out and out[-1][3] == d and (out[-1][0] == out[-1][1] and c - out[-1][1] in (1, 2) or c - out[-1][1] == out[-1][2]):
            out[-1][2] = c - out[-1][1]
            out[-1][1] = c
        else:
            out.append([c, c, 1, d])
    return out


def unicode_table():
    from tokenizers import Regex, normalizers, pre_tokenizers
    lines = []
    for name in "LN":
        split = pre_tokenizers.Split(Regex(r"\p{%s}" % name), behavior="removed", invert=True)
        lines += ["%s %x %x" % (name, a, b) for a, b in ranges(ord(c) for c in characters() if split.pre_tokenize_str(c))]
    lower, several = normalizers.Lowercase(), []
    small = {}
    for c in characters():
        l = lower.normalize_str(c)
        if len(l) > 1:
            several.append((c, l))
        elif l != c:
            small[ord(c)] = ord(l) - ord(c)
    assert several == [("\u0130", "i\u0307")], several  # the one that unicode.go knows
    lines += ["l %x %x %x %s%x" % (a, b, s, "-" if d < 0 else "", abs(d)) for a, b, s, d in steps(small)]

    nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    classes = {}
    for c in characters():
        k = unicodedata.combining(c)
        # The library knows the class if it orders c among marks of other classes as unicodedata does: newer marks it leaves alone.
        if k and all(nfd(t) == unicodedata.normalize("NFD", t) for m in "\u0338\u0345\u05b0\u0323\u0301" for t in ("a" + m + c, "a" + c + m)):
            classes[ord(c)] = k
    for k in sorted(set(classes.values())):
        lines += ["c %x %x %x" % (a, b, k) for a, b in ranges(c for c in classes if classes[c] == k)]
    for c in characters():
        parts = [int(p, 16) for p in unicodedata.decomposition(c).split() if not p.startswith("<")]
        if unicodedata.decomposition(c).startswith("<") or not parts or nfd(c) == c:
            continue
        assert nfd(c) == unicodedata.normalize("NFD", c) and len(parts) <= 2
        composes = len(parts) == 1 or nfc(nfd(c)) == c
        lines.append(" ".join(["d" if composes else "x", "%x" % ord(c)] + ["%x" % p for p in parts]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    tokens, merges = vocabulary()
    number = {t: i for i, t in enumerate(tokens)}
    with open(os.path.join(here, "..", "merges.bin"), "wb") as f:
        for i, (a, b) in enumerate(merges):
            assert number[a] < 512 + i and number[b] < 512 + i
            f.write(struct.pack("<2H", number[a], number[b]))
    with open(os.path.join(here, "..", "unicode.txt"), "w") as f:
        f.write(unicode_table())
