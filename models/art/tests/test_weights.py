"""The committed base-model folder, and how it is written."""

import json
from pathlib import Path

from models.art.denoiser import scheduler
from models.art.export import forget_origin

WEIGHTS = Path(__file__).parents[1] / "weights"


def test_no_committed_config_names_a_path_of_the_machine_that_trained_it() -> None:
    configs = list(WEIGHTS.rglob("*.json"))
    assert len(configs) >= 5
    for config in configs:
        assert "_name_or_path" not in json.loads(config.read_text()), config


def test_the_origin_of_a_part_is_dropped_and_the_rest_kept(tmp_path: Path) -> None:
    scheduler().save_pretrained(tmp_path)
    config = tmp_path / "scheduler_config.json"
    before = json.loads(config.read_text())
    config.write_text(json.dumps({**before, "_name_or_path": "/somewhere"}))
    forget_origin(config)
    assert json.loads(config.read_text()) == before
