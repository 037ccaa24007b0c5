// Preloaded into the programs of a test (hold.py): a task program that has told its worker what a test waits for stops
// itself there. However fast the machine, it is then no further.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int has(const char* data, size_t size, const char* text) {
  return memmem(data, size, text, strlen(text)) != NULL;
}

// Whether a line "STEP JOB WORDS" of the file of holds is about what was said: this program's job, these words, and
// this step or an earlier one.
static int is_held(const char* holds, const char* said, size_t size) {
  FILE* file = fopen(holds, "r");
  if (!file) return 0;
  static const char kStep[] = "\"step\":";
  const char* at = memmem(said, size, kStep, sizeof kStep - 1);
  const long step = at ? strtol(at + sizeof kStep - 1, NULL, 10) : 0;
  long from;
  char job[512], words[512], command[8192];
  int held = 0;
  while (!held && fscanf(file, "%ld %511s %511s", &from, job, words) == 3) {
    if (step < from || !has(said, size, words)) continue;
    FILE* own = fopen("/proc/self/cmdline", "r");
    const size_t length = own ? fread(command, 1, sizeof command, own) : 0;
    if (own) fclose(own);
    held = has(command, length, job);
  }
  fclose(file);
  return held;
}

ssize_t send(int fd, const void* data, size_t size, int flags) {
  ssize_t (*real)(int, const void*, size_t, int) = dlsym(RTLD_NEXT, "send");
  const ssize_t sent = real(fd, data, size, flags);
  const char* holds = getenv("BRAID_TEST_HOLDS");
  if (sent <= 0 || holds == NULL || !is_held(holds, data, size)) return sent;
  // The mark is there before the holds are read again: a test that takes a hold back wakes all who are marked, until
  // they have taken their marks away.
  char mark[4096];
  snprintf(mark, sizeof mark, "%s.%d", holds, (int)getpid());
  FILE* made = fopen(mark, "w");
  if (made) fclose(made);
  if (is_held(holds, data, size)) raise(SIGSTOP);
  unlink(mark);
  return sent;
}
