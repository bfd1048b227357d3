// Threads that carry out the events of calls, one for each completion queue.
#pragma once

namespace spillway {

// Makes this thread one for as long as it lives, and gives it a name of at most 15 letters.
void BecomeEventThread(const char* name);
// What waits for a call on such a thread may wait for itself.
bool OnEventThread();

}  // namespace spillway
