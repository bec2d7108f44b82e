export { saveONNX } from "./node/onnx-folder.ts";
export type { SaveONNXOptions } from "./node/onnx-folder.ts";
