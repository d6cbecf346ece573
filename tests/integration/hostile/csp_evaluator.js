// Prints what csp_evaluator finds in policies: reads {name: policy} from stdin, writes a list of
// [name, severity, directive, description]. A lower severity is worse; 60 is information.
const {CspEvaluator} = require('csp_evaluator/dist/evaluator.js');
const {CspParser} = require('csp_evaluator/dist/parser.js');

const policies = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const found = Object.entries(policies).flatMap(([name, policy]) =>
  new CspEvaluator(new CspParser(policy).csp).evaluate().map(
    finding => [name, finding.severity, finding.directive, finding.description]));
console.log(JSON.stringify(found));
