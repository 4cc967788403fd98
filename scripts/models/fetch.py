"""Puts a published model into a folder and lists it in the folder's models.json, then checks it as realedit will.

python3 scripts/models/fetch.py KIND DIR [--file MODEL.onnx] [--labels LABELS.json] [--name NAME --licence LICENCE --source TEXT]

KIND is one of those that `listing models` prints; docs/models.md says what it takes and gives. Without --file the model comes from where that
command says: from Hugging Face through its own client (pip install huggingface_hub; clip also onnxruntime, tokenizers and numpy, for its labels), or from GitHub through gh.
The file's hash is compared with the one that its publisher gives; what is written down in models.json is its SHA-256. The signature in models.json is the model's own, which
realedit reads. A model that is right takes the place of the one of its kind before; else nothing changes, and the exit status is 4.
"""
import argparse, hashlib, json, os, shutil, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IMAGENET = {"mean": [.485, .456, .406], "std": [.229, .224, .225]}
CLIP = {"mean": [.48145466, .4578275, .40821073], "std": [.26862954, .26130258, .27577711]}

# Where models come from, and what their files do not tell. memory: MB with a run, measured on the processor with networks of the same shape.
KINDS = {
    "clip": dict(name="clip-vit-base-patch32", licence="MIT", hub=("Xenova/clip-vit-base-patch32", "onnx/vision_model.onnx"), outputs=["image_embeds"], memory=420,
                 preprocess=dict(width=224, height=224, resize="fit_crop", **CLIP), labels="clip"),
    "sky": dict(name="skyseg", licence="not stated: ask its author", hub=("JianyuanWang/skyseg", "skyseg.onnx"), outputs=1, memory=720,
                preprocess=dict(width=320, height=320, resize="stretch", **IMAGENET)),
    "saliency": dict(name="u2net", licence="Apache-2.0", gh=("danielgatis/rembg", "v0.0.0", "u2net.onnx"), md5="60024c5c889badc19c04ad937298a77b", outputs=1, memory=720,
                     preprocess=dict(width=320, height=320, resize="stretch", **IMAGENET)),
    "semantic": dict(preprocess=dict(width=512, height=512, resize="stretch", **IMAGENET), outputs=1),
    "sam2_encoder": dict(name="sam2_encoder", licence="Apache-2.0", memory=1900, preprocess=dict(width=1024, height=1024, resize="stretch", **IMAGENET)),
    "sam2_decoder": dict(name="sam2_decoder", licence="Apache-2.0", memory=130, preprocess=dict(width=1024, height=1024, resize="stretch", mean=[0, 0, 0], std=[1, 1, 1])),
    "owlv2": dict(name="owlv2-base-patch16-ensemble", licence="Apache-2.0", preprocess=dict(width=960, height=960, resize="pad", **CLIP), outputs=["logits", "pred_boxes"], labels="owl"),
}
TOKENIZER = ("Xenova/clip-vit-base-patch32", "tokenizer.json")  # OWLv2's is the same

SCENES = {"interior": ["a photo of the interior of a house", "a photo of a room", "a photo taken indoors"],
          "exterior": ["a photo of the exterior of a house", "a photo of a house from outside", "a photo of a garden", "a photo taken outdoors"]}
ROOMS = {"kitchen": "a kitchen", "bedroom": "a bedroom", "living_room": "a living room", "bathroom": "a bathroom", "dining_room": "a dining room", "hallway": "a hallway",
         "office": "a home office", "laundry": "a laundry room", "garage": "a garage", "other": "an empty room"}
QUERIES = [("window", "a photo of a window"), ("window", "window pane"), ("mirror", "mirror")]  # mirrors, so that they do not pass for windows


def stop(text):
    sys.exit("fetch: " + text)


def need(module, package=None):
    try:
        return __import__(module)
    except ImportError:
        stop(f"the Python package {package or module} is needed: python3 -m pip install {package or module}")


def digest(path, kind="sha256"):
    h = hashlib.new(kind)
    with open(path, "rb") as f:
        while b := f.read(1 << 20):
            h.update(b)
    return h.hexdigest()


def hub(repo, file, folder):
    """A file from Hugging Face, its hash compared with the one that the hub keeps."""
    h = need("huggingface_hub")
    info = h.HfApi().get_paths_info(repo, [file])[0]
    path = h.hf_hub_download(repo, file, local_dir=folder)
    if info.lfs and digest(path) != info.lfs.sha256:
        stop(f"{file} has the SHA-256 {digest(path)}, the hub says {info.lfs.sha256}")
    return path


def gh(repo, tag, file, folder):
    if not shutil.which("gh"):
        stop("GitHub's command line, gh, is needed; or give the file with --file")
    subprocess.run(["gh", "release", "download", tag, "--repo", repo, "--pattern", file, "--dir", folder], check=True)
    return os.path.join(folder, file)


def clip_labels(folder):
    """Text embeddings: each prompt's normalised, averaged over the prompts of a label, normalised again."""
    np, ort, tok = need("numpy"), need("onnxruntime"), need("tokenizers")
    t = tok.Tokenizer.from_file(hub(*TOKENIZER, folder))
    t.no_padding()
    s = ort.InferenceSession(hub(TOKENIZER[0], "onnx/text_model.onnx", folder), providers=["CPUExecutionProvider"])
    unit = lambda v: v / np.linalg.norm(v)

    def embed(prompts):
        run = lambda p: s.run(["text_embeds"], {"input_ids": np.array([t.encode(p).ids], np.int64)})[0][0].astype(np.float64)
        return [round(float(x), 6) for x in unit(sum(unit(run(p)) for p in prompts) / len(prompts))]

    return {"scenes": [{"label": k, "embedding": embed(v)} for k, v in SCENES.items()],
            "rooms": [{"label": k, "embedding": embed([f"a photo of {v}", f"a real estate photo of {v}", f"the interior of {v}"])} for k, v in ROOMS.items()]}


def owl_labels(folder, length=16):
    t = need("tokenizers").Tokenizer.from_file(hub(*TOKENIZER, folder))
    t.no_padding()
    queries = []
    for label, text in QUERIES:
        ids = t.encode(text).ids
        pad = [0] * (length - len(ids))
        queries.append({"label": label, "input_ids": ids + pad, "attention_mask": [1] * len(ids) + pad})
    return {"queries": queries}


def listing(*args):
    r = subprocess.run(["go", "run", "./examples/listing", "models", *args], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return r.returncode, r.stdout


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("kind", choices=KINDS)
    p.add_argument("folder")
    p.add_argument("--file", help="the model, instead of fetching one")
    p.add_argument("--labels", help="its labels, instead of making them")
    for f in ("name", "licence", "source"):
        p.add_argument("--" + f)
    a = p.parse_args()
    k = KINDS[a.kind]
    folder = os.path.abspath(a.folder)
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as tmp:
        if a.file:
            path, source = os.path.abspath(a.file), a.source or os.path.basename(a.file)
        elif "hub" in k:
            path, source = hub(*k["hub"], tmp), "Hugging Face " + k["hub"][0]
        elif "gh" in k:
            path, source = gh(*k["gh"], tmp), "GitHub {}, release {}".format(*k["gh"])
        else:
            stop(f"{a.kind} is not fetched; give the file with --file (listing models says where it comes from)")
        if not a.file and "md5" in k and digest(path, "md5") != k["md5"]:
            stop(f"{path} has the MD5 {digest(path, 'md5')}, its publisher says {k['md5']}")
        name, licence = a.name or k.get("name"), a.licence or k.get("licence")
        if not name or not licence:
            stop("--name and --licence are needed: they go into every report")
        code, out = listing(path)
        if code:
            stop("this is no model that can be used")
        entry = json.loads(out)
        if entry.get("data") and os.path.dirname(path) != folder:
            stop("its weights are in files of their own: put all of it into the folder and give it with --file")
        want = k.get("outputs")
        if want:
            entry["outputs"] = entry["outputs"][:1] if want == 1 else [o for o in entry["outputs"] if o["name"] in want]
        entry.update(name=name, kind=a.kind, licence=licence, source=a.source or source, preprocess=k["preprocess"])
        if "memory" in k:
            entry["memory"] = k["memory"] * 10**6
        labels = None
        if a.labels:
            with open(a.labels, "rb") as f:
                labels = f.read()
        elif k.get("labels"):
            made = clip_labels(tmp) if k["labels"] == "clip" else owl_labels(tmp)
            labels = json.dumps(made, separators=(",", ":")).encode()
        # All of it is put together and checked beside the folder's own files first: a model that is not right takes the place of none.
        stage = os.path.join(tmp, "stage")
        os.mkdir(stage)
        there = os.path.dirname(path) == folder
        if there:
            for f in [entry["file"]] + [d["file"] for d in entry.get("data", [])]:
                os.makedirs(os.path.dirname(os.path.join(stage, f)), exist_ok=True)
                have = os.path.realpath(os.path.join(folder, f))
                try:
                    os.link(have, os.path.join(stage, f))
                except OSError:  # another disk, or one without such links
                    shutil.copyfile(have, os.path.join(stage, f))
        else:
            entry["file"] = name + ".onnx"
            shutil.copyfile(path, os.path.join(stage, entry["file"]))
        if labels is not None:
            entry.update(labels=name + ".labels.json", labels_sha256=hashlib.sha256(labels).hexdigest())
            with open(os.path.join(stage, entry["labels"]), "wb") as f:
                f.write(labels)

        def write(models):
            with open(os.path.join(stage, "models.json"), "w") as f:
                json.dump({"models": models}, f, indent=1)

        write([entry])
        code, out = listing("-models", stage, "-json")
        row = next((r for r in map(json.loads, out.splitlines()) if r["kind"] == a.kind), {})
        if row.get("status") == "ready":
            index = os.path.join(folder, "models.json")
            models = json.load(open(index))["models"] if os.path.exists(index) else []
            write([m for m in models if m["kind"] != a.kind and m["name"] != name] + [entry])
            for f in ([] if there else [entry["file"]]) + ([entry["labels"]] if labels is not None else []) + ["models.json"]:
                os.replace(os.path.join(stage, f), os.path.join(folder, f))
    print(f"{a.kind}: {row.get('status', 'not checked')} {row.get('why', '')}".rstrip())
    sys.exit(0 if row.get("status") == "ready" else 4)


main()
