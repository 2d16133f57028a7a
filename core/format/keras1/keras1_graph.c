/* SPDX-License-Identifier: Apache-2.0 */
#include "keras1_graph.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../keras2/keras2_config.h"

int kf_keras1_graph(struct kf_model *model, json_t *object, const struct kf_options *options,
                    struct kf_report *rep)
{
    model->dialect = KF_DIALECT_KERAS1;
    if (kf_streq(kf_json_str(object, "class_name", NULL), "Graph"))
        return kf_report_add(rep, KF_NO_EQUAL, "",
                             "a Graph, the model with named nodes of Keras before 1.0: build it "
                             "with the functional API");
    return kf_keras2_graph(model, object, options, rep);
}
