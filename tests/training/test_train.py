"""Many trainings at once are the trainings they would be alone; they stop, fail and resume one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import draw, random_model

from phasejax.multimodal import MultimodalModel
from phasejax.objectives import deep_cca
from phasejax.recovery import subspace_distance
from phasejax.sampling import covariance_of
from phasejax.solvers import align, predict
from phasejax.spiked import SpikedModel
from phasejax.training import MLP, CheckpointError, Linear, Outcome, SpikedPairs, embed, from_matrices, train
from phasejax.training.data import epoch_order

DEVICE = (jax.devices()[0],)
TRACES = []
LANES = 4


def toy(z, views, *, weight):
    """Predict the first two coordinates of y from x, and shrink the embedding of y; quadratic."""
    TRACES.append(weight)
    return jnp.mean((z[0] - views[1][:, :2]) ** 2) + weight * jnp.mean(z[1] ** 2)


def model(nu):
    return SpikedModel.homogeneous(d=4, k=2, kappa=1.0, gamma_x=0.5, gamma_y=0.1, gamma_tilde_x=1.0, gamma_tilde_y=4.0, nu=nu)


PAIRS = SpikedPairs(jax.vmap(model)(jnp.array([0.0, 0.3, 0.6, 0.9])))
KEYS = jax.random.split(jax.random.key(5), LANES)
SETTINGS = dict(encoder=Linear(2), rows=40, batch=20, steps=32, legs=4, patience=2, devices=DEVICE)


def four(**changes):
    """Four lanes that differ in everything they may differ in."""
    given = dict(key=KEYS, learning_rate=jnp.array([0.01, 0.02, 0.04, 0.08]), hyperparameters={"weight": jnp.arange(4.0)})
    return train(toy, PAIRS, **(given | SETTINGS | changes))


@pytest.fixture(scope="module")
def plain():
    return four()


def assert_same_bits(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


def lane(trained, index):
    return jax.tree.map(lambda leaf: leaf[index], (trained.encoders, trained.loss, trained.outcome, trained.steps))


def test_lanes_are_the_single_trainings(plain):
    for i in range(LANES):
        source = jax.tree.map(lambda leaf, i=i: leaf[i], PAIRS)
        alone = train(
            toy, source.model, key=KEYS[i], learning_rate=0.01 * 2**i, hyperparameters={"weight": float(i)}, **SETTINGS
        )
        assert alone.loss.shape == (4,) and alone.encoders[0].weight.shape == (2, 4)
        whole = (alone.encoders, alone.loss, alone.outcome, alone.steps)
        for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(lane(plain, i)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(plain.step, [8, 16, 24, 32])
    assert np.all(plain.loss[:, -1] < plain.loss[:, 0])


def test_values_change_without_compiling_again(plain):
    del TRACES[:]
    other = four(learning_rate=0.03, hyperparameters={"weight": 0.5}, key=jax.random.split(jax.random.key(9), LANES))
    assert TRACES == []
    assert np.all(other.loss != plain.loss)


def test_the_same_key_gives_the_same_bits(plain):
    assert_same_bits(plain, four())


def test_four_devices_give_what_one_gives(plain):
    spread = four(devices=tuple(jax.devices("cpu")))
    assert len(jax.devices("cpu")) == 4 and len(spread.loss.devices()) == 4
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(spread), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
    # Three lanes are filled up to four, and the fourth is cut off again.
    three = train(
        toy, jax.tree.map(lambda leaf: leaf[:3], PAIRS), key=KEYS[:3], learning_rate=jnp.array([0.01, 0.02, 0.04]),
        hyperparameters={"weight": jnp.arange(3.0)}, **(SETTINGS | {"devices": tuple(jax.devices("cpu"))}),
    )  # fmt: skip
    assert three.loss.shape == (3, 4)
    for i in range(3):
        assert_same_bits(lane(three, i), lane(spread, i))


def test_a_lane_that_has_ended_stays_as_it_is():
    # Next to no learning rate, and legs of whole epochs: the loss of lanes 0 and 2 stands still, that of the others falls.
    rate = jnp.array([1e-9, 0.02, 1e-9, 0.02])
    ended = four(learning_rate=rate)
    np.testing.assert_array_equal(ended.outcome, [Outcome.CONVERGED, 0, Outcome.CONVERGED, 0])
    np.testing.assert_array_equal(ended.steps, [24, 32, 24, 32])  # one leg to set the mark, two without improvement
    np.testing.assert_array_equal(ended.loss[::2, 3], ended.loss[::2, 2])
    assert np.all(ended.loss[1::2, 3] < ended.loss[1::2, 2])
    # Lanes that would go on for longer have moved further by now.
    on = four(learning_rate=rate, patience=None)
    assert_same_bits(lane(ended, 1), lane(on, 1))
    moved = np.abs(on.encoders[0].weight - ended.encoders[0].weight).max(axis=(1, 2))
    assert np.all(moved[::2] > 0) and np.all(moved[1::2] == 0)
    # When all have ended the rest of the legs is not computed, and the history is whole all the same.
    seen = []
    short = four(learning_rate=1e-9, on_progress=seen.append)
    assert [(p.step, p.ended) for p in seen] == [(8, 0), (16, 0), (24, 4)]
    np.testing.assert_array_equal(short.loss[:, 3], short.loss[:, 2])


def test_a_diverging_lane_is_marked_and_spoils_no_other(plain):
    wild = four(learning_rate=jnp.array([0.01, 1e5, 0.04, 1e200]))
    np.testing.assert_array_equal(wild.outcome, [0, Outcome.DIVERGED, 0, Outcome.DIVERGED])
    np.testing.assert_array_equal(wild.diverged, [False, True, False, True])
    assert np.all(wild.steps[1::2] < 8)
    for index in (0, 2):
        assert_same_bits(lane(wild, index), lane(plain, index))
    assert np.all(np.isfinite(wild.encoders[0].weight[1]))
    assert np.all(np.isnan(wild.loss[1::2])) and np.all(np.isfinite(wild.loss[::2]))

    def broken(z, views, *, weight):
        return toy(z, views, weight=weight) + jnp.where(weight > 2, jnp.nan, 0)

    hurt = train(broken, PAIRS, key=KEYS, hyperparameters={"weight": jnp.arange(4.0)}, **SETTINGS)
    np.testing.assert_array_equal(hurt.outcome, [0, 0, 0, Outcome.DIVERGED])
    assert hurt.steps[3] == 0 and np.all(np.isfinite(hurt.encoders[0].weight))


class Stop(Exception):
    pass


def stopped_after(legs):
    seen = []

    def on_progress(progress):
        seen.append(progress)
        if len(seen) == legs:
            raise Stop

    return on_progress


@pytest.mark.parametrize("legs", [1, 3])
def test_a_resumed_training_ends_with_the_same_bits(plain, tmp_path, legs):
    path = tmp_path / "state"
    with pytest.raises(Stop):
        four(checkpoint=path, on_progress=stopped_after(legs))
    assert [p.name for p in tmp_path.iterdir()] == ["state"]
    seen = []
    assert_same_bits(four(checkpoint=path, resume=True, on_progress=seen.append), plain)
    assert len(seen) == 4 - legs
    assert_same_bits(four(checkpoint=path, resume=True), plain)


def test_a_checkpoint_is_kept_from_other_trainings(plain, tmp_path):
    path = tmp_path / "state"
    assert_same_bits(four(checkpoint=path, resume=True), plain)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="exists: continue it with resume=True"):
        four(checkpoint=path)
    for changes, what in (
        (dict(key=KEYS[::-1]), "keys"),
        (dict(learning_rate=0.5), "numbers of the lanes"),
        (dict(steps=64), "legs and steps"),
        (dict(encoder=Linear(3)), "recipes"),
    ):
        with pytest.raises(CheckpointError, match=f"belongs to another training: {what}"):
            four(checkpoint=path, resume=True, **changes)
    assert path.read_bytes() == before
    for content in (b"something else\n", b"", before[: len(before) // 2]):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="is not a checkpoint"):
            four(checkpoint=path, resume=True)
    with pytest.raises(CheckpointError, match="cannot be written: No such file"):
        four(checkpoint=tmp_path / "nowhere" / "state")


@pytest.mark.parametrize(("objective", "solver"), [("prediction", predict), ("deep_cca", align)])
def test_linear_encoders_reach_the_closed_form(objective, solver):
    views = tuple(map(jnp.asarray, draw(random_model(1, (2, 6, 6)), 400, np.random.default_rng(0))))
    trained = train(
        objective, views, key=jax.random.key(0), encoder=Linear(2), batch=400, steps=1000, learning_rate=0.1,
        hyperparameters={"ridge": 1e-12}, devices=DEVICE,
    )  # fmt: skip
    solution = solver(covariance_of(*views, center=True), 2)
    truth = jnp.linalg.qr(solution.encoder_x.T)[0]
    assert subspace_distance(trained.encoders[0].weight, truth) < 1e-8
    assert subspace_distance(jax.random.normal(jax.random.key(1), (2, 6)), truth) > 0.1
    if objective == "deep_cca":
        np.testing.assert_allclose(trained.loss[-1], -jnp.sum(solution.singular_values[:2]), rtol=1e-8)
        assert subspace_distance(trained.encoders[1].weight, jnp.linalg.qr(solution.encoder_y.T)[0]) < 1e-8
        np.testing.assert_allclose(deep_cca(embed(trained.encoders, views), ridge=0.0), trained.loss[-1], rtol=1e-8)


def test_three_modalities_fresh_rows_and_metrics():
    source = MultimodalModel.homogeneous(d=5, k=2, modalities=3, kappa=2.0, gamma=0.1, gamma_tilde=1.0, nu=0.0)
    trained = train(
        "infonce", source, key=jax.random.key(0), encoder=Linear(2), steps=200, batch=32, legs=2, learning_rate=0.05,
        metrics={"spread": lambda encoders, z: jnp.std(z, axis=1), "rows": lambda encoders, z: encoders[0].weight},
        devices=DEVICE,
    )  # fmt: skip
    assert len(trained.encoders) == 3
    assert trained.metrics["spread"].shape == (2, 3, 2) and trained.metrics["rows"].shape == (2, 2, 5)
    np.testing.assert_array_equal(trained.metrics["rows"][1], trained.encoders[0].weight)
    assert trained.loss[1] < trained.loss[0]
    for encoder in trained.encoders:
        assert subspace_distance(encoder.weight) < 0.02


def test_an_epoch_visits_every_row_once():
    key, order, seen = jax.random.key(3), jnp.zeros(12, jnp.int32), []
    for step in range(6):
        order, chosen = epoch_order(order, jnp.asarray(step), 4, key=key)
        seen.append(np.asarray(chosen))
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    np.testing.assert_array_equal(np.sort(first), np.arange(12))
    np.testing.assert_array_equal(np.sort(second), np.arange(12))
    assert np.any(first != second)


def test_deep_encoders_learn_what_linear_ones_cannot():
    x = jax.random.normal(jax.random.key(0), (512, 2))
    views = (x, jnp.sign(x[:, :1] * x[:, 1:]) + 0.1 * jax.random.normal(jax.random.key(1), (512, 1)))
    settings = dict(key=jax.random.key(2), steps=400, batch=128, legs=2, devices=DEVICE)
    deep = train("prediction", views, encoder=MLP(1, hidden=16), **settings)
    # The target is uncorrelated with x, so that no linear encoder explains any of its variance.
    assert deep.loss[-1] < 0.5 < 0.9 < jnp.var(views[1])
    assert jnp.all(jnp.abs(jnp.corrcoef(jnp.concatenate(views, axis=1).T)[2, :2]) < 0.1)


def test_a_training_begins_where_it_is_told(plain):
    weights = (jnp.ones((2, 4)), -jnp.ones((2, 4)))
    begun = four(start=from_matrices(*weights), learning_rate=1e-12)
    for encoder, weight in zip(begun.encoders, weights, strict=True):
        np.testing.assert_allclose(encoder.weight, np.broadcast_to(weight, (LANES, 2, 4)), atol=1e-10)
    onward = four(start=plain.encoders, learning_rate=1e-12)
    np.testing.assert_allclose(onward.encoders[1].weight, plain.encoders[1].weight, atol=1e-10)
    with pytest.raises(ValueError, match=r"start does not fit encoder = \(Linear"):
        four(start=from_matrices(jnp.ones((3, 4)), jnp.ones((3, 4))))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (dict(steps=30), "steps = 30 is not allowed with legs = 4"),
        (dict(batch=1), "batch = 1 is not allowed"),
        (dict(batch=50), "batch = 50 is not allowed with 40 rows"),
        (dict(learning_rate=-1.0), "learning_rate = -1 is not allowed"),
        (dict(patience=0), "patience = 0 is not allowed"),
        (dict(learning_rate=jnp.ones(3)), r"learning_rate has shape \(3,\)"),
        (dict(key=jax.random.split(KEYS[0], (2, 2))), r"key has shape \(2, 2\)"),
        (dict(key=KEYS[:3]), r"learning_rate has shape \(4,\): it is given once or for each of the 3 lanes"),
    ],
)
def test_a_mistake_is_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        four(**changes)


@pytest.mark.parametrize(
    ("objective", "data", "sentence"),
    [
        ("infonice", PAIRS, "'infonice' is not an objective: choose one of infonce"),
        ("reconstruction", PAIRS, "needs a decoder's output: give it a decoder"),
        ("vicreg", (np.ones((8, 2)), np.ones((9, 2))), "two or more"),
        ("vicreg", (np.ones((8, 2)), np.full((8, 2), np.nan)), "NaN or infinity"),
    ],
)
def test_a_mistaken_objective_or_data_too(objective, data, sentence):
    with pytest.raises(ValueError, match=sentence):
        train(objective, data, key=KEYS[0], batch=8)
