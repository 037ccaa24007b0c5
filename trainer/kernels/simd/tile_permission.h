// Whether this process may use the tiles of AMX.
#pragma once

namespace braid::trainer {

// True iff the processor has tiles of bf16 and the kernel lets this process use them. Linux wants
// to be asked first, because threads with tiles have more state to save; it refuses if it is older
// than 5.16, or if a thread's stack for signals is too small for that state. It is asked once; all
// threads, and processes forked from this one, share the answer.
bool MayUseTiles();

}  // namespace braid::trainer
