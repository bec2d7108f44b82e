/** The flags of `GPUBufferUsage` and `GPUMapMode`, which are globals in browsers only. */
export const usage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const;
export const mapModeRead = 0x1;
/** That of `GPUShaderStage`. */
export const computeStage = 0x4;
