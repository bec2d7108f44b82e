import { program } from "./program.js";

program().then((results) => {
  globalThis.result = results;
});
