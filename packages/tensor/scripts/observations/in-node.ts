/** Makes observations in a process of its own: takes their names, prints what was `Seen`. */
import { observe } from "./observe.ts";
import type { Observation } from "./observe.ts";

const seen = await observe(JSON.parse(process.argv[2]) as Observation[]);
// A rejection that nobody handled has ended the process by then.
process.stdout.write(JSON.stringify(seen));
