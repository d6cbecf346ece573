"""The conversation of the README with the generated Python client.

Run by scripts/check-openapi against the service at MDL_BASE_URL.
"""

import json
import os
from http import HTTPStatus

from mdl_client import AuthenticatedClient, Client
from mdl_client.api.api_keys import create_api_key, revoke_api_key
from mdl_client.api.auth import login
from mdl_client.api.domains import create_domain, delete_domain
from mdl_client.api.metrics import (
    create_metric,
    delete_metric,
    get_metric,
    list_metrics,
    metric_history,
    update_metric,
)
from mdl_client.models import (
    ApiKeyCreation,
    BusinessDomain,
    ErrorCode,
    ErrorEnvelope,
    HistoryEntryPage,
    LoggedIn,
    Login,
    Message,
    Metric,
    MetricChangeEnvelope,
    MetricEnvelope,
    MetricPage,
    MetricPatch,
    MetricSort,
    NewApiKey,
    Scope,
    Tier,
)

SUFFIX = "py"


def main() -> None:
    base_url = os.environ["MDL_BASE_URL"]
    examples = json.loads(os.environ["MDL_EXAMPLES"])
    domain = BusinessDomain.from_dict(
        examples["domain"] | {"domain_id": f"domain-{SUFFIX}", "name": f"Domain {SUFFIX}"}
    )
    metric = Metric.from_dict(
        examples["metric"]
        | {"metric_id": f"metric-{SUFFIX}", "business_domain": f"Domain {SUFFIX}"}
    )

    anonymous = Client(base_url=base_url)
    credentials = Login(username="admin", password=os.environ["MDL_ADMIN_PASSWORD"])
    logged_in = login.sync(client=anonymous, body=credentials)
    assert isinstance(logged_in, LoggedIn), logged_in
    client = AuthenticatedClient(base_url=base_url, token=logged_in.tokens.access_token)

    bad = AuthenticatedClient(base_url=base_url, token="bad")
    refused = list_metrics.sync(client=bad)
    assert isinstance(refused, ErrorEnvelope), refused
    assert refused.error.code is ErrorCode.AUTHENTICATION_ERROR

    created = create_domain.sync_detailed(client=client, body=domain)
    assert created.status_code is HTTPStatus.CREATED, created.content
    posted = create_metric.sync(
        client=client, body=metric, idempotency_key=f"conversation-{SUFFIX}"
    )
    assert isinstance(posted, MetricChangeEnvelope), posted
    assert posted.data.tier is Tier.TIER_1

    page = list_metrics.sync(
        client=client,
        business_domain=domain.name,
        tier=Tier.TIER_1,
        sort=MetricSort("-updated_at"),
        limit=10,
    )
    assert isinstance(page, MetricPage), page
    assert [item.metric_id for item in page.data] == [metric.metric_id]

    read = get_metric.sync_detailed(metric.metric_id, client=client)
    tag = read.headers["ETag"]
    patch = MetricPatch(tags=["typed"])
    changed = update_metric.sync(metric.metric_id, client=client, body=patch, if_match=tag)
    assert isinstance(changed, MetricChangeEnvelope), changed
    assert changed.data.tags == ["typed"]
    stale = update_metric.sync(metric.metric_id, client=client, body=patch, if_match=tag)
    assert isinstance(stale, ErrorEnvelope), stale
    assert stale.error.code is ErrorCode.PRECONDITION_FAILED
    history = metric_history.sync(metric.metric_id, client=client)
    assert isinstance(history, HistoryEntryPage), history
    assert len(history.data) == 2

    creation = ApiKeyCreation(name=f"conversation-{SUFFIX}", scopes=[Scope.METRICSREAD])
    key = create_api_key.sync(client=client, body=creation)
    assert isinstance(key, NewApiKey), key
    program = AuthenticatedClient(
        base_url=base_url, token=key.api_key, prefix="", auth_header_name="X-API-Key"
    )
    by_key = get_metric.sync(metric.metric_id, client=program)
    assert isinstance(by_key, MetricEnvelope), by_key
    forbidden = delete_metric.sync(metric.metric_id, client=program)
    assert isinstance(forbidden, ErrorEnvelope), forbidden
    assert forbidden.error.code is ErrorCode.AUTHORIZATION_ERROR
    revoked = revoke_api_key.sync(key.key_info.id, client=client)
    assert isinstance(revoked, Message), revoked

    deleted = delete_metric.sync(metric.metric_id, client=client)
    assert isinstance(deleted, Message), deleted
    removed = delete_domain.sync(domain.domain_id, client=client)
    assert isinstance(removed, Message), removed
    print("Python client: ok")


if __name__ == "__main__":
    main()
