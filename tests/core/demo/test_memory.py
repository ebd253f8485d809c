"""The demonstration remembers its secrets, for its owner only."""

import stat

from demo.memory import FILE, Memory


def test_memory__kept_texts__recalled_by_the_next_run(tmp_path):
    Memory(tmp_path).keep("password", "first")
    Memory(tmp_path).keep("key of shop", "second")

    found = Memory(tmp_path)

    assert (found.recall("password"), found.recall("key of shop")) == ("first", "second")
    assert found.recall("never kept") is None


def test_memory__file__readable_by_its_owner_only_and_no_half_file_left(tmp_path):
    (tmp_path / FILE).with_suffix(".half").write_text("{")

    Memory(tmp_path).keep("password", "text")

    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
