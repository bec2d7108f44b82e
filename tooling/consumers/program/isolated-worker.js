import { program } from "./program.js";

program({ threads: 2 }).then(postMessage);
