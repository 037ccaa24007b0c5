// Curves in a terminal, in characters of braille: two dots wide and four high.
#pragma once

#include <string>
#include <vector>

namespace braid::cli {

// The curve of `values`, which are equally far apart, in `rows` lines of `columns` characters.
// Where several values share a column of dots, all from the least to the largest is drawn, so that
// no spike is lost. Values that are no numbers are left out. Empty lines if there is none.
std::vector<std::string> BrailleCurve(const std::vector<double>& values, int columns, int rows);

}  // namespace braid::cli
