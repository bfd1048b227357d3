#include "rpc/event_thread.h"

#include <pthread.h>

namespace spillway {

static thread_local bool is_event_thread = false;

void BecomeEventThread(const char* name) {
  pthread_setname_np(pthread_self(), name);
  is_event_thread = true;
}

bool OnEventThread() { return is_event_thread; }

}  // namespace spillway
