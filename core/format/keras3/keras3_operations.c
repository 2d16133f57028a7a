/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_operations.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include <string.h>

/*
 * Operations with a constructor of their own.
 *
 * Source: keras/src/ops/{numpy,nn,math,core,image,linalg}.py (3.0.5, 3.3.3, 3.6.0, 3.9.2, 3.10.0)
 */
static const char with_constructor[] =
    "AffineTransform All Amax Amin Any Append Argmax Argmin Argpartition Argsort "
    "AssociativeScan Average AveragePool BatchNorm BinaryCrossentropy Bincount BitwiseAnd "
    "BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor "
    "BroadcastTo CTCDecode CTCLoss Cast CategoricalCrossentropy Celu Cholesky Clip "
    "Concatenate Conv ConvTranspose ConvertToTensor Correlate CountNonzero CropImages "
    "Cross CtcLoss Cumprod Cumsum DepthwiseConv Det Diag Diagflat Diagonal Diff "
    "DotProductAttention Eig Eigh Einsum ElasticTransform Elu ExpandDims ExtractPatches "
    "ExtractSequences Eye FFT FFT2 Flip ForiLoop GaussianBlur Gelu Glu HSVToRGB "
    "HardShrink HardTanh Histogram IFFT2 IRFFT ISTFT InTopK Inv LeakyRelu LeftShift "
    "Linspace LogSoftmax Logdet Logspace Logsumexp Lstsq LuFactor Map MapCoordinates Max "
    "MaxPool Mean Median Meshgrid Min Moments Moveaxis MultiHot NanToNum Norm Normalize "
    "OneHot PSNR Pad PadImages PerspectiveTransform Polar Prod Qr Quantile RFFT "
    "RGBToGrayscale RGBToHSV RMSNorm Repeat Reshape Resize RightShift Roll Rot90 Round "
    "STFT SVD SaturateCast Scan SegmentMax SegmentReduction SegmentSum Select "
    "SeparableConv Slogdet SoftShrink Softmax Solve SolveTriangular Sort "
    "SparseCategoricalCrossentropy Sparsemax Split Squareplus Squeeze Stack Std "
    "StopGradient Sum Swapaxes Take TakeAlongAxis TanhShrink Tensordot Threshold Tile "
    "TopK Trace Transpose Tri Tril Triu Trunc UnravelIndex Unstack Var WhileLoop";

bool kf_keras3_operation_named(const struct kf_layer *layer, int keras)
{
    return keras >= KF_KERAS(3, 11, 0) || !kf_in_words(with_constructor, layer->class_name);
}

static int no_memory(const struct kf_graph *graph, struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, graph->path, "out of memory");
}

/* What Keras calls the operations without a name, before it puts a number behind. */
static int note_names(json_t *names, struct kf_arena *arena, const struct kf_graph *graph,
                      int keras, struct kf_report *rep)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        const struct kf_layer *layer = graph->layers[i];
        const char *name;

        if (!layer->operation || kf_keras3_operation_named(layer, keras))
            continue;
        name = kf_snake_case(arena, layer->class_name);
        if (!name)
            return no_memory(graph, rep);
        KF_TRY(kf_json_set(names, name, json_true(), rep));
    }
    return 0;
}

/* "any" and "any_12" are names that Keras may give. */
static int check_name(const json_t *names, struct kf_arena *arena, const struct kf_layer *layer,
                      struct kf_report *rep)
{
    size_t n = strlen(layer->name), digits = 0;
    const char *base;

    while (digits < n && strchr("0123456789", layer->name[n - digits - 1]))
        digits++;
    if (digits && digits < n && layer->name[n - digits - 1] == '_')
        n -= digits + 1;
    base = kf_arena_strndup(arena, layer->name, n);
    if (!base)
        return kf_report_add(rep, KF_NO_MEMORY, layer->path, "out of memory");
    if (!json_object_get(names, base) && !json_object_get(names, layer->name))
        return 0;
    return kf_report_add(rep, KF_GRAPH_NO_EQUAL, layer->path,
                         "Keras before 3.11 gives operations names of its own, and one of them "
                         "may be this");
}

int kf_keras3_operations_check(const struct kf_graph *graph, int keras, struct kf_report *rep)
{
    KF_AUTO(kf_arena) arena = keras >= KF_KERAS(3, 11, 0) ? NULL : kf_arena_create();
    json_auto_t *names = json_object();

    if (keras >= KF_KERAS(3, 11, 0))
        return 0;
    if (!arena)
        return no_memory(graph, rep);
    KF_TRY(note_names(names, arena, graph, keras, rep));
    for (size_t i = 0; i < graph->n_layers && json_object_size(names); i++)
        if (!graph->layers[i]->operation || kf_keras3_operation_named(graph->layers[i], keras))
            KF_TRY(check_name(names, arena, graph->layers[i], rep));
    return 0;
}
