# SPDX-License-Identifier: Apache-2.0
"""Attempts to make the service connect where it must not: none of them may even dial."""

import pytest
from orders import post

PUBLIC = "93.184.216.34"  # stands for the internet; its connections end at a server of ours

# Hosts that are addresses, in every way in which one can be written.
LITERALS = [
    "127.0.0.1", "127.1", "0", "0.0.0.0", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1",
    "017700000001", "127.0.0.1.", "127.255.255.254", "localhost", "LOCALHOST", "localhost.",
    "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "2852039166", "0xa9fea9fe",
    "0251.0376.0251.0376", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.0.192",
    "198.18.0.1", "168.63.129.16", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::ffff:169.254.169.254]", "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001::7f00:1]", "[fd00:ec2::254]", "[fc00::1]",
    "[fe80::1]", "[fe80::1%25eth0]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]",
]

# Names that lead to such addresses.
NAMES = {
    "loopback.test": "127.0.0.1", "private.test": "10.1.2.3", "metadata.test": "169.254.169.254",
    "mapped.test": "::ffff:10.0.0.1", "nat64.test": "64:ff9b::a9fe:a9fe", "six.test": "::1",
    "cgnat.test": "100.100.100.200", "teredo.test": "2001::1", "sixtofour.test": "2002:a9fe:a9fe::",
    "unique.test": "fd00:ec2::254", "linklocal.test": "fe80::5",
}

# What else an URL can hold; `public.test` leads to the internet.
URLS = [
    "http://public.test@127.0.0.1/m.h5", "http://public.test:80@169.254.169.254/m.h5",
    "http://127.0.0.1#@public.test/m.h5", "http://127.0.0.1\\@public.test/m.h5",
    "http://127.0.0.1:80\\@public.test:80/m.h5", "http://public.test:22/m.h5",
    "http://public.test:6379/m.h5", "http://public.test:8080/m.h5", "http:///127.0.0.1/m.h5",
    "http:127.0.0.1/m.h5", "http:/127.0.0.1/m.h5", "http://[::1", "http://127.0.0.1%2f@public.test/",
    "http://%31%32%37.0.0.1/m.h5", "http://\u2460\u2461\u2466.0.0.1/m.h5", "http://127.0.0.1%00.public.test/",
    "gopher://127.0.0.1:6379/_SET", "dict://127.0.0.1/", "ftp://127.0.0.1/m.h5", "scp://127.0.0.1/m.h5",
    "ldap://127.0.0.1/", "telnet://127.0.0.1/", "file:///etc/passwd", "file://localhost/etc/passwd",
    "http://nowhere.test/m.h5", " http://127.0.0.1/m.h5", "HTTP://127.0.0.1/m.h5", "unix:///run/x.sock",
]

# Where a server on the internet may send us to.
REDIRECTS = [
    "http://127.0.0.1/m.h5", "http://localhost/m.h5", "http://[::1]/m.h5", "http://[::ffff:127.0.0.1]/",
    "http://169.254.169.254/latest/meta-data/", "http://metadata.test/latest/meta-data/",
    "http://loopback.test/", "//127.0.0.1/m.h5", "http://2130706433/", "http://public.test:6379/",
    "http://user@127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/m.h5",
    "http://private.test/",
]


@pytest.fixture
def service(start, dial, files, tmp_path):
    names = NAMES | {
        "public.test": PUBLIC,
        "rebind.test": f"127.0.0.1,{PUBLIC}",
        "second.test": f"{PUBLIC},127.0.0.1",
    }
    return start(
        KFERRY_URLS="http",
        KFERRY_FETCH_TIMEOUT="20s",
        LD_PRELOAD=dial,
        ASAN_OPTIONS="verify_asan_link_order=0",
        KF_DIAL_LOG=tmp_path / "dialled",
        KF_DIAL_HOSTS=";".join(f"{name}={address}" for name, address in names.items()),
        KF_DIAL_TO=f"{PUBLIC}={files.port}",
        http_proxy="http://127.0.0.1:1",
    )


@pytest.fixture
def dialled(tmp_path):
    log = tmp_path / "dialled"
    return lambda: log.read_text().split("\n")[:-1] if log.exists() else []


def attempt(service, uri):
    return post(service, "/v1/inspect", {"source": {"uri": uri}})


def test_there_are_enough_attempts():
    assert len(LITERALS) + len(NAMES) + len(URLS) + len(REDIRECTS) + 4 * len(ELSEWHERE) + 10 >= 130


def test_the_internet_is_reached(service, dialled):
    answer = attempt(service, "http://public.test/ok/m.h5")
    assert answer.status == 200, answer
    assert dialled() == [f"{PUBLIC} 80"]


def test_no_address_is_dialled(service, dialled):
    for host in LITERALS:
        for scheme in ("http", "https"):
            answer = attempt(service, f"{scheme}://{host}/m.h5")
            assert answer.status in (400, 403, 502), (host, answer)
            assert "KFERRY_SSRF_ALLOW" in str(answer.body) or answer.status != 403, (host, answer)
    assert dialled() == []


def test_no_name_leads_there(service, dialled):
    for name in NAMES:
        answer = attempt(service, f"http://{name}/m.h5")
        assert (answer.status, answer.json()["code"]) == (403, "address-not-allowed"), (name, answer)
        assert "KFERRY_SSRF_ALLOW_HOSTS" in answer.json()["detail"]
    assert dialled() == []


def test_no_trick_leads_there(service, dialled):
    for url in URLS:
        answer = attempt(service, url)
        assert answer.status in (400, 403, 502), (url, answer)
    assert dialled() == []


def test_no_redirect_leads_there(service, dialled, files):
    for to in REDIRECTS:
        for status in (302, 307):
            quoted = to.replace("%", "%25").replace("&", "%26").replace("#", "%23")
            answer = attempt(service, f"http://public.test/redirect/m?status={status}&to={quoted}")
            assert answer.status in (400, 403), (to, answer)
        assert set(dialled()) == {f"{PUBLIC} 80"}, to
        service_names = [path for _, path, _ in files.seen if not path.startswith("/redirect/")]
        assert not service_names


# Where else a request can name an URL.
ELSEWHERE = [
    lambda url: {"target": {"uri": url}},
    lambda url: {"target": {"uri": "http://public.test/put/m.keras", "report_uri": url}},
    lambda url: {"notify": {"url": url}},
    lambda url: {"architecture": {"uri": url}},
    lambda url: {"source": [{"uri": "http://public.test/ok/m.h5"}, {"uri": url}]},
]


def test_no_target_leads_there(service, dialled, files):
    for url in ("http://127.0.0.1/m", "http://[::ffff:169.254.169.254]/m", "http://2852039166/m", "http://10.0.0.1/m"):
        for place in ELSEWHERE:
            order = {"source": {"uri": "http://public.test/ok/m.h5"}, "to": "keras"} | place(url)
            answer = post(service, "/v1/jobs", order)
            assert answer.status == 403, (order, answer)
    assert dialled() == [] and not files.put


def test_no_target_is_sent_there(service, dialled, files):
    """By names, which are looked up when it comes to that, and by redirects of what takes a PUT."""
    order = {"source": {"uri": "http://public.test/ok/m.h5"}, "to": "keras"}
    urls = [f"http://{name}/m" for name in NAMES]
    urls += [f"http://public.test/redirect/m?status={status}&to={to}" for status in (307, 308)
             for to in ("http://127.0.0.1/m", "http://metadata.test/m", "http://[::1]/m", "file:///tmp/m")]
    for url in urls:
        answer = post(service, "/v1/convert", order | {"target": {"uri": url}})
        assert answer.status in (400, 403), (url, answer)
    assert set(dialled()) == {f"{PUBLIC} 80"} and not files.put


def test_rebinding_is_seen_when_dialling(service, dialled):
    assert attempt(service, "http://rebind.test/ok/m.h5").status == 403
    assert dialled() == []
    # Allowed when it was asked for first; what counts is where the next connection goes.
    assert attempt(service, "http://second.test/ok/m.h5").status == 200
    assert set(dialled()) == {f"{PUBLIC} 80"}
    answer = attempt(service, "http://second.test/ok/m.h5")
    assert (answer.status, answer.json()["code"]) == (403, "address-not-allowed"), answer
    assert set(dialled()) == {f"{PUBLIC} 80"}


def test_jobs_hold_to_it_too(service, dialled):
    answer = post(service, "/v1/jobs", {"source": {"uri": "http://127.0.0.1/m.h5"}, "to": "keras"})
    assert answer.status == 403, answer
    answer = post(service, "/v1/jobs", {"source": {"uri": "http://metadata.test/m.h5"}, "to": "keras"})
    job = service.request("GET", f"/v1/jobs/{answer.json()['id']}?wait=30").json()
    assert job["state"] == "failed" and job["error"]["code"] == "address-not-allowed", job
    assert dialled() == []


def test_named_hosts_and_networks_are_reached(start, dial, files, tmp_path):
    service = start(
        KFERRY_URLS="http",
        KFERRY_SSRF_ALLOW_HOSTS="inside.test",
        KFERRY_SSRF_ALLOW_CIDRS="10.1.0.0/16",
        LD_PRELOAD=dial,
        KF_DIAL_LOG=tmp_path / "dialled",
        KF_DIAL_HOSTS="inside.test=10.9.9.9;net.test=10.1.2.3;other.test=10.2.2.2",
        KF_DIAL_TO=f"10.9.9.9={files.port};10.1.2.3={files.port};10.2.2.2={files.port}",
    )
    assert attempt(service, "http://inside.test:9000/ok/m.h5").status == 200
    assert attempt(service, "http://net.test/ok/m.h5").status == 200
    assert attempt(service, "http://10.1.2.3/ok/m.h5").status == 200
    assert attempt(service, "http://other.test/ok/m.h5").status == 403
    assert attempt(service, "http://10.9.9.9/ok/m.h5").status == 403


def test_https_is_the_default(start, dial, tmp_path):
    service = start(LD_PRELOAD=dial, KF_DIAL_LOG=tmp_path / "dialled", KF_DIAL_HOSTS=f"public.test={PUBLIC}")
    answer = attempt(service, "http://public.test/m.h5")
    assert (answer.status, answer.json()["code"]) == (403, "source-not-allowed"), answer
    assert "KFERRY_URLS" in answer.json()["detail"]
    assert not (tmp_path / "dialled").exists()


def test_proxy_only_for_named_hosts(start, dial, files, tmp_path):
    service = start(
        KFERRY_URLS="http",
        KFERRY_FETCH_PROXY=f"http://127.0.0.1:{files.port}",
        KFERRY_SSRF_ALLOW_HOSTS="named.test",
        LD_PRELOAD=dial,
        KF_DIAL_LOG=tmp_path / "dialled",
    )
    answer = attempt(service, "http://public.test/ok/m.h5")
    assert (answer.status, answer.json()["code"]) == (403, "address-not-allowed"), answer
    assert not (tmp_path / "dialled").exists()
    attempt(service, "http://named.test/ok/m.h5")
    assert files.seen and files.seen[0][1] == "http://named.test/ok/m.h5"


def test_wrong_setting_is_told(start, tmp_path):
    from kferry_service import Service

    service = Service(tmp_path, KFERRY_SSRF_ALLOW_CIDRS="10.0.0.0/99")
    assert service.process.wait(10) == 78
    service.reader.join(5)
    assert "10.0.0.0/99" in str(service.lines)
