# SPDX-License-Identifier: Apache-2.0
# The service itself: everything that only `kferry serve` needs.
set(KF_SERVE_SOURCES
  accept.c
  admission.c
  answer.c
  archive.c
  body.c
  conversion.c
  handle_health.c
  handle_info.c
  httpd.c
  id.c
  listener.c
  multipart.c
  outcome.c
  pool.c
  queue.c
  reply.c
  reports.c
  request.c
  routes.c
  scratch.c
  serve.c
  tar.c
  target.c
  watch.c
  zip_store.c)
