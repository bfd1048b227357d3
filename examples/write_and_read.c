/* libspillway from C: a file with three copies, read back and seen to be in the store.
 * write_and_read_c HOST PORT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/spillway.h"

static void check(const char* what, int code, const spillway_error* error) {
  if (code == SPILLWAY_OK) return;
  fprintf(stderr, "%s: %s\n", what, error->message);
  exit(1);
}

int main(int argc, char** argv) {
  char properties[256];
  char text[64];
  const char* const path = "/example-c/hello";
  const char* const hello = "Hello from C.\n";
  size_t size = 0;
  spillway_error error;
  spillway_status status;
  spillway_client* client;
  if (argc != 3) {
    fprintf(stderr, "write_and_read_c HOST PORT\n");
    return 2;
  }
  snprintf(properties, sizeof(properties),
           "alluxio.master.hostname=%s\nalluxio.master.rpc.port=%s\n", argv[1], argv[2]);
  client = spillway_open(properties, &error);
  check("open", client == NULL ? error.code : SPILLWAY_OK, &error);
  check("write", spillway_write(client, path, hello, strlen(hello), 3, &error), &error);
  check("read", spillway_read(client, path, 0, text, sizeof(text), &size, &error), &error);
  fwrite(text, 1, size, stdout);
  check("persist", spillway_await_persisted(client, path, 60000, &error), &error);
  check("status", spillway_get_status(client, path, &status, &error), &error);
  printf("%d bytes, %s the store.\n", (int)status.length_bytes,
         status.is_persisted ? "in" : "not yet in");
  spillway_close(client);
  return 0;
}
