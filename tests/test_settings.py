"""Settings: where they come from, which wins, what is refused and that no secret is printed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from lifecycle.databases import databases_of, one_database
from lifecycle.errors import SettingsRefused
from lifecycle.settings import Settings


@pytest.fixture(autouse=True)
def _empty_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SETTINGS", *(name.upper() for name in Settings.model_fields)):
        monkeypatch.delenv(f"LIFECYCLE_{name}", raising=False)


def test_defaults() -> None:
    settings = Settings.load()
    assert settings.input_topics == ("touchpoints", "task-outcomes")
    assert (settings.tasks, settings.dead_letters) == ("follow-up-tasks", "touchpoints-dead-letters")
    assert (settings.grace, settings.publish_lag) == (timedelta(seconds=5), timedelta(minutes=15))
    assert settings.future == timedelta(days=1)


def test_arguments_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lifecycle.toml").write_text('group = "file"\nbroker = "file:1"\ntasks = "file"\n')
    monkeypatch.setenv("LIFECYCLE_GROUP", "environment")
    monkeypatch.setenv("LIFECYCLE_BROKER", "environment:1")
    settings = Settings.load(group="argument", tasks=None)
    assert (settings.group, settings.broker, settings.tasks) == ("argument", "environment:1", "file")


def test_the_file_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = tmp_path / "other.toml"
    monkeypatch.setenv("LIFECYCLE_SETTINGS", str(named))
    with pytest.raises(SettingsRefused, match=r"other.toml, named by LIFECYCLE_SETTINGS, does not exist"):
        Settings.load()
    named.write_text("partitions = 8")
    assert Settings.load().partitions == 8
    named.write_text("partitions = ")
    with pytest.raises(SettingsRefused, match=r"other.toml is not TOML: .*Mend that line"):
        Settings.load()


def test_every_finding_names_setting_variable_and_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lifecycle.toml").write_text("partitoins = 8")
    monkeypatch.setenv("LIFECYCLE_BATCH_RECORDS", "many")
    with pytest.raises(SettingsRefused) as caught:
        Settings.load()
    assert "there is no setting partitoins; remove it from lifecycle.toml. Known: " in str(caught.value)
    assert "setting batch_records: Input should be a valid integer" in str(caught.value)
    assert "Correct LIFECYCLE_BATCH_RECORDS, or batch_records in the settings file." in str(caught.value)


def test_a_database_is_asked_for_by_name() -> None:
    with pytest.raises(SettingsRefused, match=r"no database is given\. Pass --db, set LIFECYCLE_DATABASE"):
        Settings.load().need_database()
    assert Settings.load(database="sqlite:///x.db").need_database() == "sqlite:///x.db"


def test_several_databases_come_as_json_or_as_a_table_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lifecycle.toml").write_text('[databases]\n"0-1" = "sqlite:///a.db"\n"2-3" = "sqlite:///b.db"\n')
    assert list(Settings.load().need_databases().urls.values()) == ["sqlite:///a.db", "sqlite:///b.db"]
    monkeypatch.setenv("LIFECYCLE_DATABASES", '{"0": "sqlite:///c.db", "1-3": "sqlite:///d.db"}')
    (tmp_path / "lifecycle.toml").unlink()
    settings = Settings.load()
    assert settings.need_databases() == databases_of({"0": "sqlite:///c.db", "1-3": "sqlite:///d.db"})
    with pytest.raises(SettingsRefused, match=r"for the partitions 0, 1-3, and this works on one\. Name it with --db"):
        settings.need_database()


def test_who_names_one_database_means_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFECYCLE_DATABASES", '{"0": "sqlite:///c.db", "1": "sqlite:///d.db"}')
    assert Settings.load(database="sqlite:///c.db").need_databases() == one_database("sqlite:///c.db")
    monkeypatch.setenv("LIFECYCLE_DATABASE", "sqlite:///c.db")
    with pytest.raises(SettingsRefused, match="database and databases are both given"):
        Settings.load()


def test_a_worker_serves_one_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a group of its own, and with a topic between the databases; with one database there is neither."""
    one = Settings.load(database="sqlite:///c.db")
    assert (one.group_of(one.need_shard()), one.input_topics[2:], one.topic_partitions) == ("lifecycle", (), 4)
    monkeypatch.setenv("LIFECYCLE_DATABASES", '{"0-1": "sqlite:///c.db", "2": "sqlite:///d.db"}')
    with pytest.raises(SettingsRefused, match=r"a worker serves one\. Say which with --shard, or LIFECYCLE_SHARD"):
        Settings.load().need_shard()
    several = Settings.load(shard="2")
    assert (several.group_of(several.need_shard()), several.topic_partitions) == ("lifecycle.2", 3)
    assert several.input_topics == ("touchpoints", "task-outcomes", "touchpoints-passed-on")
    with pytest.raises(SettingsRefused, match="shard is 1, and databases are given for 0-1, 2; name one of these"):
        Settings.load(shard="1")
    with pytest.raises(SettingsRefused, match="partitions is 8, and databases are given for 3 partitions"):
        Settings.load(partitions=8)
    monkeypatch.delenv("LIFECYCLE_DATABASES")
    with pytest.raises(SettingsRefused, match="shard is 0, and no databases are given"):
        Settings.load(shard="0")


def test_a_map_that_leaves_people_out_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFECYCLE_DATABASES", '{"0": "postgresql://u:hunter2@h/d", "2": "sqlite:///d.db"}')
    with pytest.raises(SettingsRefused, match="setting databases: partitions 1 are in no database") as caught:
        Settings.load()
    assert "hunter2" not in str(caught.value)


def test_settings_that_do_not_belong_together() -> None:
    with pytest.raises(SettingsRefused, match=r"must be five topics"):
        Settings.load(tasks="touchpoints")
    with pytest.raises(SettingsRefused, match=r"SASL_SSL needs both LIFECYCLE_BROKER_USER and LIFECYCLE"):
        Settings.load(broker_protocol="SASL_SSL", broker_user="u")
    with pytest.raises(SettingsRefused, match=r"set LIFECYCLE_BROKER_PROTOCOL to SASL_SSL"):
        Settings.load(broker_user="u")


def test_no_secret_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.load(
        database="postgresql://u:hunter2@h/d",
        broker_protocol="SASL_SSL",
        broker_user="u",
        broker_password="hunter2",
    )
    assert "hunter2" not in repr(settings)
    assert settings.broker_password is not None
    assert settings.broker_password.get_secret_value() == "hunter2"
    monkeypatch.setenv("LIFECYCLE_BROKER_PASSWORD", "hunter2")
    with pytest.raises(SettingsRefused) as caught:
        Settings.load(database="postgresql://u:hunter2@h/d", partitions=0)
    assert "hunter2" not in str(caught.value)


def test_an_unknown_argument_is_a_programmer_error() -> None:
    with pytest.raises(TypeError, match="no such setting: databse"):
        Settings.load(databse="x")
