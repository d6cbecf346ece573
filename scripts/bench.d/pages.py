"""Pages of a large catalogue: the time of the server, and the first paint in a browser."""

import http.client
import statistics
import time

import catalogue
import machine
import sample_run
from browser import Browser
from processes import Failure
from service import PASSWORD, Service

REQUESTS, LOADS = 300, 30
PAGES = {
    "catalogue": "/dashboard",
    "its page 50": "/dashboard?page=50",
    "filtered by tier and tag": "/dashboard?tier=Tier-1&tags=t7",
    "searched": "/dashboard?search=revenue",
    "one metric": f"/dashboard/metrics/{catalogue.identifier(77)}",
    "its versions": f"/dashboard/metrics/{catalogue.identifier(77)}/versions",
}
PAINT = ("const found = performance.getEntriesByName('first-contentful-paint')[0]; "
         "return found ? found.startTime : null")
SIGN_IN = ("document.querySelector('[name=username]').value = 'admin'; "
           "document.querySelector('[name=password]').value = arguments[0]; "
           "document.querySelector('main form button').click()")


def server_times(service, path, headers):
    """The milliseconds of each of some requests, one after the other on one connection."""
    connection, times = http.client.HTTPConnection(service.address, timeout=30), []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        times.append((time.perf_counter() - began) * 1000)
        if response.status != 200:
            raise Failure(f"GET {path}: {response.status} {body[:300]!r}")
    connection.close()
    return times


def paints(browser, url):
    """The milliseconds from each of some navigations to the first paint of the page."""
    found = []
    for _ in range(LOADS):
        browser.open(url)
        for _ in range(100):
            value = browser.run(PAINT)
            if value is not None:
                found.append(value)
                break
            time.sleep(0.02)
    if len(found) < LOADS:
        raise Failure(f"{url}: {len(found)} of {LOADS} loads were painted")
    return found


def high(times):
    """The 95th percentile."""
    return statistics.quantiles(times, n=20)[-1]


def measure(run, options):
    """Fills the catalogue, and prints the table."""
    run.fill("pages", options.metrics)
    run.postgres.sql("pages", "VACUUM ANALYZE")
    service = Service(run, "pages", "pages")
    headers = {"Cookie": service.sign_in()}
    browser = Browser(run.processes, run.folder)
    browser.open(f"http://{service.address}/dashboard")
    browser.run(SIGN_IN, PASSWORD)
    time.sleep(1)
    print(f"\n{machine.today()}, {machine.hardware()}, PostgreSQL {run.postgres.version()}, load "
          f"{machine.load_average():.1f}; {options.metrics:,} metrics; {REQUESTS} requests and {LOADS} loads of each:\n")
    print("| page | server, median | server, 95 % | first paint, median | first paint, 95 % |")
    print("| --- | --- | --- | --- | --- |")
    for name, path in PAGES.items():
        served = server_times(service, path, headers)
        painted = paints(browser, f"http://{service.address}{path}")
        print(f"| {name} | {statistics.median(served):.1f} ms | {high(served):.1f} ms | "
              f"{statistics.median(painted):.0f} ms | {high(painted):.0f} ms |", flush=True)
    browser.close()


def options(parser):
    """The command line."""
    parser.add_argument("--metrics", type=int, default=10_000)


def main(description):
    """Runs the measurement."""
    sample_run.main(description, options, measure)
