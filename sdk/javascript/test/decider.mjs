/** Answers for a test in another language: a document and its cases in on a line, answers or problems out. */
import { createInterface } from "node:readline";

import { compileConfig } from "../dist/evaluation.js";

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answers(JSON.parse(line)))}\n`);
}

function answers({ document, cases }) {
  try {
    const config = compileConfig(document);
    return cases.map(([flag, unit, attributes]) => {
      const { variant, reason, rule, exposedUnit } = config.evaluate(flag, unit, attributes);
      return [variant, reason, rule, exposedUnit];
    });
  } catch (refused) {
    return { problems: refused.problems ?? String(refused) };
  }
}
