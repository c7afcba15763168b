/* SPDX-License-Identifier: Apache-2.0 */
/* The root as a stack: workspace_stack() and workspace_seal() of workspace.h, and what they keep. */
#ifndef SANDBOX_STACK_H
#define SANDBOX_STACK_H

struct stack;

/* Unmount what lies on MOUNT_POINT. NULL is fine. */
void stack_free(struct stack *stack, const char *mount_point);

#endif
