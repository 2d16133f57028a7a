# SPDX-License-Identifier: Apache-2.0
"""Requests in JSON, and the jobs that become of them."""

import json


def post(service, path, order, **headers):
    """Send a request in JSON."""
    headers = {"Content-Type": "application/json"} | headers
    return service.request("POST", path, json.dumps(order), headers, timeout=120)


def finish(service, answer):
    """The job that was accepted, at its end."""
    assert answer.status == 202, answer
    end = service.request("GET", f"/v1/jobs/{answer.json()['id']}?wait=60", timeout=90)
    return end.json()
