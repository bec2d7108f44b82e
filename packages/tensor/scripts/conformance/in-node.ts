/** Runs the conformance suite in a process that flags and drivers are chosen for: takes a `Setup`, prints a `Report`. */
import { conformanceReport } from "./report.ts";
import type { Setup } from "./setup.ts";

const setup = JSON.parse(process.argv[2]) as Setup;
process.stdout.write(JSON.stringify(await conformanceReport(setup)));
