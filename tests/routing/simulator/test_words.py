import pytest

from routing.simulator.words import count_words, make_words, split_words


class TestSplittingAText:
    @pytest.mark.parametrize(
        "text", ["", "one", " two words ", "\n\tmany\n\n lines\r\nand — dashes\u2003wide\x1fend", "   "]
    )
    def test_loses_nothing(self, text):
        assert "".join(split_words(text)) == text

    @pytest.mark.parametrize("text", ["one", " two words ", "a\u2003b\x1fc\x85d"])
    def test_makes_as_many_pieces_as_words_are_counted(self, text):
        assert len(split_words(text)) == count_words(text)

    def test_keeps_a_text_of_spaces_as_one_piece_without_a_word(self):
        assert split_words("  ") == ("  ",)
        assert count_words("  ") == 0


class TestMakingWords:
    @pytest.mark.parametrize("count", [0, 1, 7, 1000])
    def test_makes_exactly_as_many_as_asked(self, count):
        words = make_words(count)

        assert len(words) == count
        assert count_words("".join(words)) == count
