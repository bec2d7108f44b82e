/** Runs scenarios in a separate process: takes their names, prints what was `Seen`. */
import { runScenario } from "./run.ts";
import type { Scenario } from "./run.ts";

const seen = await runScenario(JSON.parse(process.argv[2]) as Scenario[]);
// A rejection that nobody handled has ended the process by then.
process.stdout.write(JSON.stringify(seen));
