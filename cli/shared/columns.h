// Text in columns of a terminal, of which a character of Chinese or an emoji takes two, and an
// accent that is put onto another character none.
#pragma once

#include <string>

namespace braid::cli {

// The columns that a text of UTF-8 takes. Characters that have no width of their own (control
// characters, or unknown to the system) count as one, as `Fit` shows them.
int ColumnsOf(const std::string& text);

// The text in exactly so many columns: cut with an ellipsis, or with spaces behind it. Characters
// that control a terminal become '?', line breaks and tabs become spaces.
std::string Fit(const std::string& text, int columns);
// The same with the spaces in front: numbers below one another.
std::string FitRight(const std::string& text, int columns);

}  // namespace braid::cli
