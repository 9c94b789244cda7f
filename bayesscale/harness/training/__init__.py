"""Pretrain on a mixture, finetune on translations: loops, checkpoints, exact resume, memory that runs out."""
