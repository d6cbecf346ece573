// The conversation of the README with the generated TypeScript client. Run by scripts/check-openapi
// against the service at MDL_BASE_URL.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Domain = components["schemas"]["BusinessDomain"];
type Metric = components["schemas"]["Metric"];

declare const process: { env: Record<string, string | undefined> };

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`set ${name}`);
  return value;
}

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

const baseUrl = setting("MDL_BASE_URL");
const examples = JSON.parse(setting("MDL_EXAMPLES")) as { domain: Domain; metric: Metric };
const suffix = "ts";
const domain = { ...examples.domain, domain_id: `domain-${suffix}`, name: `Domain ${suffix}` };
const metric = { ...examples.metric, metric_id: `metric-${suffix}`, business_domain: domain.name };

const anonymous = createClient<paths>({ baseUrl });
const refused = await anonymous.GET("/api/v1/metrics");
check(refused.error?.error.code === "AUTHENTICATION_ERROR", "an anonymous read is refused");
check(refused.error.success === false, "an error says so");

const login = await anonymous.POST("/api/auth/login", {
  body: { username: "admin", password: setting("MDL_ADMIN_PASSWORD") },
});
check(login.data !== undefined, "log-in");
const headers = { Authorization: `Bearer ${login.data.tokens.access_token}` };
const client = createClient<paths>({ baseUrl, headers });

const created = await client.POST("/api/v1/domains", { body: domain });
check(created.response.status === 201, "domain created");
const posted = await client.POST("/api/v1/metrics", {
  body: metric,
  params: { header: { "Idempotency-Key": `conversation-${suffix}` } },
});
check(posted.data?.data.tier === metric.tier, "metric created");

const list = await client.GET("/api/v1/metrics", {
  params: {
    query: { business_domain: domain.name, tier: "Tier-1", sort: "-updated_at", limit: 10 },
  },
});
check(list.data?.pagination.total === 1, "metric listed");
const [first] = list.data.data;
check(first?.metric_id === metric.metric_id, "the list has the metric");

const path = { id: metric.metric_id };
const read = await client.GET("/api/v1/metrics/{id}", { params: { path } });
const tag = read.response.headers.get("ETag");
check(tag !== null, "a metric has an entity tag");
const changed = await client.PUT("/api/v1/metrics/{id}", {
  params: { path, header: { "If-Match": tag } },
  body: { tags: ["typed"] },
});
check(changed.data?.data.tags?.[0] === "typed", "metric changed");
const stale = await client.PUT("/api/v1/metrics/{id}", {
  params: { path, header: { "If-Match": tag } },
  body: { tags: ["stale"] },
});
check(stale.error?.error.code === "PRECONDITION_FAILED", "a stale change is refused");
const history = await client.GET("/api/v1/metrics/{id}/history", { params: { path } });
check(history.data?.data.length === 2, "two revisions");

const key = await client.POST("/api/auth/api-keys", {
  body: { name: `conversation-${suffix}`, scopes: ["metrics:read"] },
});
check(key.data !== undefined, "API key created");
const program = createClient<paths>({ baseUrl, headers: { "X-API-Key": key.data.api_key } });
const byKey = await program.GET("/api/v1/metrics/{id}", { params: { path } });
check(byKey.data?.success === true, "an API key reads");
const forbidden = await program.DELETE("/api/v1/metrics/{id}", { params: { path } });
check(forbidden.error?.error.code === "AUTHORIZATION_ERROR", "an API key does not delete");
await client.DELETE("/api/auth/api-keys/{id}", { params: { path: { id: key.data.key_info.id } } });

const deleted = await client.DELETE("/api/v1/metrics/{id}", { params: { path } });
check(deleted.data?.success === true, "metric deleted");
await client.DELETE("/api/v1/domains/{id}", { params: { path: { id: domain.domain_id } } });
console.log("TypeScript client: ok");
