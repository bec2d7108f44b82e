/*
 * A Vulkan loader in front of the real one that lets programs run on RADV's null device (RADV_FORCE_FAMILY), a GPU that is
 * not there: shaders are compiled for it, memory is the process's own, and commands do nothing. Built as libvulkan.so.1;
 * NULL_VULKAN_LOADER is the path of the real one.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

typedef PFN_vkVoidFunction Function;

static PFN_vkGetInstanceProcAddr realInstance;
static PFN_vkGetDeviceProcAddr realDevice;
static PFN_vkGetBufferMemoryRequirements realRequirements;
static PFN_vkGetBufferMemoryRequirements2 realRequirements2;

static VkResult nothing(void) { return VK_SUCCESS; }

/* The null device has no memory types. */
static void describeMemory(VkPhysicalDeviceMemoryProperties *memory) {
  memset(memory, 0, sizeof *memory);
  memory->memoryHeapCount = 1;
  memory->memoryHeaps[0].size = 64ull << 30;
  memory->memoryHeaps[0].flags = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
  memory->memoryTypeCount = 2;
  memory->memoryTypes[0].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  memory->memoryTypes[1].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                         VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
}

static void memoryProperties(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties *memory) { describeMemory(memory); }

static void memoryProperties2(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties2 *memory) {
  describeMemory(&memory->memoryProperties);
}

static void requirements(VkDevice device, VkBuffer buffer, VkMemoryRequirements *memory) {
  realRequirements(device, buffer, memory);
  memory->memoryTypeBits = 3;
}

static void requirements2(VkDevice device, const VkBufferMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *memory) {
  realRequirements2(device, info, memory);
  memory->memoryRequirements.memoryTypeBits = 3;
}

static VkResult allocate(VkDevice device, const VkMemoryAllocateInfo *info, const void *allocator, VkDeviceMemory *memory) {
  *memory = (VkDeviceMemory)calloc(1, info->allocationSize);
  return *memory ? VK_SUCCESS : VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static void release(VkDevice device, VkDeviceMemory memory, const void *allocator) { free((void *)memory); }

static VkResult map(VkDevice device, VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size, VkMemoryMapFlags flags,
                    void **data) {
  *data = (char *)memory + offset;
  return VK_SUCCESS;
}

static VkResult createHandle(VkDevice device, const void *info, const void *allocator, uint64_t *handle) {
  *handle = (uint64_t)malloc(1);
  return *handle ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

static void destroyHandle(VkDevice device, uint64_t handle, const void *allocator) { free((void *)handle); }

static const struct {
  const char *name;
  Function function;
} replaced[] = {
    {"vkGetPhysicalDeviceMemoryProperties", (Function)memoryProperties},
    {"vkGetPhysicalDeviceMemoryProperties2", (Function)memoryProperties2},
    {"vkGetPhysicalDeviceMemoryProperties2KHR", (Function)memoryProperties2},
    {"vkAllocateMemory", (Function)allocate},
    {"vkFreeMemory", (Function)release},
    {"vkMapMemory", (Function)map},
    {"vkCreateFence", (Function)createHandle},
    {"vkDestroyFence", (Function)destroyHandle},
    {"vkCreateSemaphore", (Function)createHandle},
    {"vkDestroySemaphore", (Function)destroyHandle},
    {"vkUnmapMemory", (Function)nothing},
    {"vkFlushMappedMemoryRanges", (Function)nothing},
    {"vkInvalidateMappedMemoryRanges", (Function)nothing},
    {"vkBindBufferMemory", (Function)nothing},
    {"vkBindBufferMemory2", (Function)nothing},
    {"vkUpdateDescriptorSets", (Function)nothing},
    {"vkBeginCommandBuffer", (Function)nothing},
    {"vkEndCommandBuffer", (Function)nothing},
    {"vkResetCommandPool", (Function)nothing},
    {"vkQueueSubmit", (Function)nothing},
    {"vkQueueSubmit2", (Function)nothing},
    {"vkQueueWaitIdle", (Function)nothing},
    {"vkDeviceWaitIdle", (Function)nothing},
    {"vkWaitForFences", (Function)nothing},
    {"vkGetFenceStatus", (Function)nothing},
    {"vkResetFences", (Function)nothing},
};

static Function replace(const char *name, Function real) {
  if (!real) return NULL;
  if (!strncmp(name, "vkCmd", 5)) return (Function)nothing;
  if (!strcmp(name, "vkGetBufferMemoryRequirements")) {
    realRequirements = (PFN_vkGetBufferMemoryRequirements)real;
    return (Function)requirements;
  }
  if (!strcmp(name, "vkGetBufferMemoryRequirements2") || !strcmp(name, "vkGetBufferMemoryRequirements2KHR")) {
    realRequirements2 = (PFN_vkGetBufferMemoryRequirements2)real;
    return (Function)requirements2;
  }
  for (size_t i = 0; i < sizeof replaced / sizeof *replaced; i++) {
    if (!strcmp(name, replaced[i].name)) return replaced[i].function;
  }
  return real;
}

static Function deviceFunction(VkDevice device, const char *name) { return replace(name, realDevice(device, name)); }

Function vkGetInstanceProcAddr(VkInstance instance, const char *name) {
  if (!realInstance) {
    const char *path = getenv("NULL_VULKAN_LOADER");
    void *loader = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!loader) {
      fprintf(stderr, "NULL_VULKAN_LOADER is no library: %s\n", path ? dlerror() : "it is not set");
      return NULL;
    }
    realInstance = (PFN_vkGetInstanceProcAddr)dlsym(loader, "vkGetInstanceProcAddr");
  }
  if (!strcmp(name, "vkGetInstanceProcAddr")) return (Function)vkGetInstanceProcAddr;
  Function real = realInstance(instance, name);
  if (strcmp(name, "vkGetDeviceProcAddr")) return replace(name, real);
  realDevice = (PFN_vkGetDeviceProcAddr)real;
  return real ? (Function)deviceFunction : NULL;
}
