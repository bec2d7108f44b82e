export { onnxFiles } from "./onnx/onnx-files.ts";
export type { ONNXFilesOptions } from "./onnx/onnx-files.ts";
export type { ONNXDType } from "./onnx/weights.ts";
