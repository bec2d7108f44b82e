/** What is made for the browser to save. */
export interface MadeFile {
  readonly name: string;
  readonly blob: Blob;
}
