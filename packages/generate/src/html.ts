export { htmlFile } from "./html/html-file.ts";
export type { HTMLFile, HTMLOptions } from "./html/html-file.ts";
