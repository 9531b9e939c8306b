/*
 * Stands in for VirtualBox's own VBoxHeadless. That one insists on the kernel driver; this one starts the
 * same VBoxHeadless.so with the support library in driverless mode, in which a machine runs in
 * VirtualBox's interpreter (IEM). The flags are those of SUPR3InitEx in VirtualBox's VBox/sup.h.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

#define FOLDER "/usr/lib/virtualbox/"

enum { UNRESTRICTED = 1, DRIVERLESS = 4, DRIVERLESS_IEM_ALLOWED = 8 };

static int fail(const char *what)
{
    const char *why = dlerror();
    fprintf(stderr, "driverless VBoxHeadless: %s: %s\n", what, why ? why : "failed");
    return 1;
}

int main(int argc, char **argv, char **envp)
{
    void *runtime = dlopen(FOLDER "VBoxRT.so", RTLD_NOW | RTLD_GLOBAL);
    if (!runtime)
        return fail("VBoxRT.so");
    int (*start_runtime)(int, char ***, uint32_t) = dlsym(runtime, "RTR3InitExe");
    int (*start_support)(uint32_t, void **) = dlsym(runtime, "SUPR3InitEx");
    if (!start_runtime || !start_support)
        return fail("RTR3InitExe, SUPR3InitEx");
    if (start_runtime(argc, &argv, 0) < 0)
        return fail("RTR3InitExe");
    if (start_support(UNRESTRICTED | DRIVERLESS | DRIVERLESS_IEM_ALLOWED, NULL) < 0)
        return fail("SUPR3InitEx");
    void *headless = dlopen(FOLDER "VBoxHeadless.so", RTLD_NOW | RTLD_GLOBAL);
    if (!headless)
        return fail("VBoxHeadless.so");
    int (*headless_main)(int, char **, char **) = dlsym(headless, "TrustedMain");
    if (!headless_main)
        return fail("TrustedMain");
    return headless_main(argc, argv, envp);
}
