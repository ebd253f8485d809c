"""The glossary explains each word once and in plain sentences."""

from culture.glossary import terms


def test_glossary__all_terms__unique_and_explained():
    names = [term.name for term in terms()]

    assert len(names) == len(set(names)) >= 16
    assert all(term.means.endswith(".") and len(term.means) > 40 for term in terms())
