// Judges a path of a site as Mozilla's HTTP Observatory does (`scan` of its package), on ports of the caller's choice.
// Arguments: folder of the package, host, port of HTTP, port of HTTPS, path.
const [folder, host, httpPort, httpsPort, path] = process.argv.slice(1);
const load = (name) => import(`${folder}/src/${name}.js`);
const { ALL_TESTS } = await load("constants");
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await load("grader/charts");
const { getGradeForScore, getScoreModifier } = await load("grader/grader");
const { retrieve } = await load("retriever/retriever");

const site = await retrieve(host, { httpPort, httpsPort, path });
if (!site.responses.auto) throw new Error("the site does not answer");
const results = ALL_TESTS.map((test) => test(site));
const modifiers = results.map(({ result }) => getScoreModifier(result));
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const without_credit = 100 + sum(modifiers.filter((modifier) => modifier < 0));
const has_credit = without_credit >= MINIMUM_SCORE_FOR_EXTRA_CREDIT;
const { score, grade } = getGradeForScore(has_credit ? 100 + sum(modifiers) : without_credit);
const tests = results.map(({ constructor, pass, result }, index) => ({ name: constructor.name, pass, result, modifier: modifiers[index] }));
console.log(JSON.stringify({ grade, score, status: site.responses.auto.status, verified: site.responses.https?.verified ?? false, tests }));
