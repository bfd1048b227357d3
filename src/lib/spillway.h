/* libspillway for C and for every language that can call C: files in and out of a cluster.
 *
 *   spillway_error error;
 *   spillway_client* client = spillway_open("alluxio.master.hostname=10.0.0.1", &error);
 *   if (client == NULL) ...
 *   if (spillway_write(client, "/logs/a", data, size, 3, &error) != SPILLWAY_OK)
 *     fprintf(stderr, "%s\n", error.message);
 *   spillway_close(client);
 *
 * All functions are thread-safe. Those that return int return SPILLWAY_OK or an error's code; the
 * error is filled in then, unless it is NULL. Paths and texts are UTF-8 and end with 0. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The codes are gRPC's. Others than these are rare. */
enum {
  SPILLWAY_OK = 0,
  SPILLWAY_INVALID_ARGUMENT = 3,
  SPILLWAY_DEADLINE_EXCEEDED = 4,
  SPILLWAY_NOT_FOUND = 5,
  SPILLWAY_ALREADY_EXISTS = 6,
  SPILLWAY_PERMISSION_DENIED = 7,
  SPILLWAY_RESOURCE_EXHAUSTED = 8,
  SPILLWAY_FAILED_PRECONDITION = 9,
  SPILLWAY_OUT_OF_RANGE = 11,
  SPILLWAY_UNAVAILABLE = 14
};

typedef struct spillway_client spillway_client;

typedef struct {
  int code;
  char message[508]; /* cut if it is longer */
} spillway_error;

typedef struct {
  int64_t length_bytes;
  int64_t modified_ms; /* since 1970 */
  int is_directory;
  int is_persisted; /* in the store */
} spillway_status;

/* properties: the text of a properties file, such as conf/alluxio-site.properties. Does not wait
 * for the master. NULL for a bad value. */
spillway_client* spillway_open(const char* properties, spillway_error* error);
/* Waits for what was asked; nothing may be asked any more. NULL is fine. */
void spillway_close(spillway_client* client);
/* What was asked is given up: it ends with an error once the call that it has under way is answered
 * or has timed out, after a minute or spillway.user.data.timeout. spillway_close waits no longer
 * than that, then. NULL is fine. */
void spillway_give_up(spillway_client* client);

/* Makes a file; its folder is made too. It is kept by so many workers when this returns, and goes
 * to the store in the background. durable 0: as alluxio.user.file.replication.durable says. */
int spillway_write(spillway_client* client, const char* path, const void* data, size_t size,
                   int durable, spillway_error* error);

/* Runs once, on a thread of the client; it must not wait for other files. error is NULL if all went
 * well, and gone when this returns. */
typedef void (*spillway_done)(void* user_data, const spillway_error* error);
/* The same without waiting: data is copied, done says how it went. */
void spillway_write_async(spillway_client* client, const char* path, const void* data, size_t size,
                          int durable, spillway_done done, void* user_data);

/* Up to size bytes from offset on; *read says how many, fewer only at the end of the file. */
int spillway_read(spillway_client* client, const char* path, int64_t offset, void* data,
                  size_t size, size_t* read, spillway_error* error);

int spillway_get_status(spillway_client* client, const char* path, spillway_status* status,
                        spillway_error* error);
/* Runs visit for every entry of a folder with its path, until it returns another value than 0. */
typedef int (*spillway_visit)(void* user_data, const char* path, const spillway_status* status);
int spillway_list(spillway_client* client, const char* path, spillway_visit visit, void* user_data,
                  spillway_error* error);
/* With its parents; fine if it is there. */
int spillway_make_directory(spillway_client* client, const char* path, spillway_error* error);
int spillway_remove(spillway_client* client, const char* path, int recursive,
                    spillway_error* error);
int spillway_rename(spillway_client* client, const char* source, const char* target,
                    spillway_error* error);
/* Waits until all that was complete at or below path is in the store. */
int spillway_await_persisted(spillway_client* client, const char* path, int64_t timeout_ms,
                             spillway_error* error);

#ifdef __cplusplus
}
#endif
